//! Which nodes reach each other.

use openraft_toolkit::test_fakes::PartitionController;

#[test]
fn isolation_and_cut_edges_are_lifted_separately() {
    let partitions = PartitionController::new();
    assert!(partitions.is_reachable("a", "b"));

    partitions.isolate("a");
    partitions.cut_edge("a", "b");
    assert!(!partitions.is_reachable("a", "b"));
    assert!(!partitions.is_reachable("b", "a"));
    assert!(!partitions.is_reachable("c", "a"));
    assert!(partitions.is_reachable("b", "c"));
    assert!(partitions.is_reachable("a", "a"), "a node always reaches itself");

    partitions.heal("a");
    assert!(!partitions.is_reachable("a", "b"));
    assert!(partitions.is_reachable("b", "a"));

    partitions.isolate("b");
    partitions.restore_edge("a", "b");
    assert!(!partitions.is_reachable("a", "b"));
    partitions.heal("b");
    assert!(partitions.is_reachable("a", "b"));
}

#[test]
fn a_partition_cuts_between_its_sides_and_healing_all_lifts_everything() {
    let partitions = PartitionController::new();
    partitions.partition([1, 2], [3, 4, 5]);
    for (a, b) in [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)] {
        assert!(
            !partitions.is_reachable(a, b) && !partitions.is_reachable(b, a),
            "{a} and {b}"
        );
    }
    assert!(partitions.is_reachable(1, 2) && partitions.is_reachable(3, 5) && partitions.is_reachable(6, 1));
    assert_eq!(partitions.cut_edges().len(), 12);

    partitions.isolate(6);
    assert_eq!(partitions.isolated(), [6].into());

    partitions.heal_all();
    assert!(partitions.cut_edges().is_empty() && partitions.isolated().is_empty());
    assert!(partitions.is_reachable(1, 3) && partitions.is_reachable(6, 1));
}

#[test]
fn in_a_ring_each_node_reaches_its_two_neighbours() {
    for n in 1..8 {
        let partitions = PartitionController::new();
        partitions.ring(0..n);
        for a in 0..n {
            for b in 0..n {
                let is_neighbour = (a + 1) % n == b || (b + 1) % n == a;
                assert_eq!(
                    partitions.is_reachable(a, b),
                    a == b || is_neighbour,
                    "{a} -> {b} of {n}"
                );
            }
        }
    }
}
