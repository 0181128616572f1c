//! Three nodes on RocksDB, with both key spaces, go through a partition, a snapshot and restarts.

use std::collections::BTreeSet;
use std::ops::Range;

use openraft_toolkit::lifecycle::{BootstrapMode, Bootstrapped, add_learner, change_membership};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, Node, address, fresh, wait_for_leader, wait_to_agree};
use openraft_toolkit_tests::types::Set;

fn hosts() -> [Host; 3] {
    [
        Host::new(1, Keys::Flat),
        Host::new(2, Keys::Group(0)),
        Host::new(3, Keys::Group(u64::MAX)),
    ]
}

async fn write(leader: &Node, range: Range<u64>) {
    for i in range {
        leader.set(&format!("key-{i}"), &format!("value-{i}")).await;
    }
}

/// Stops all nodes. No node becomes leader while the other nodes stop.
async fn stop_all<const N: usize>(nodes: [Node; N]) {
    for node in &nodes {
        node.raft.runtime_config().elect(false);
    }
    for node in nodes {
        node.stop().await;
    }
}

fn assert_holds(node: &Node, range: Range<u64>) {
    for i in range {
        assert_eq!(
            node.kv.get(&format!("key-{i}")),
            Some(format!("value-{i}")),
            "node {}",
            node.id
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_through_a_partition_and_all_nodes_agree_after_it() {
    let network = MemNetwork::new();
    let [host1, host2, host3] = hosts();

    // One node forms the cluster, and the other nodes wait for it.
    let (node2, _) = host2.start(&network, BootstrapMode::Join).await.unwrap();
    let (node3, _) = host3.start(&network, BootstrapMode::Join).await.unwrap();
    let (node1, _) = host1.start(&network, fresh([1, 2, 3])).await.unwrap();
    let nodes = [&node1, &node2, &node3];

    // A leader is elected and writes.
    let old_leader = wait_for_leader(&nodes).await;
    write(old_leader, 0..50).await;

    // The leader is cut off in the middle of a write that it can never commit.
    network.partitions().isolate(old_leader.id);
    let lost = tokio::spawn({
        let raft = old_leader.raft.clone();
        let lost = Set {
            key: "lost".to_string(),
            value: "write".to_string(),
        };
        async move { raft.client_write(lost).await }
    });

    // The other nodes elect a leader in a later term, and writes continue.
    let majority: Vec<&Node> = nodes.into_iter().filter(|node| node.id != old_leader.id).collect();
    let new_leader = wait_for_leader(&majority).await;
    new_leader.wait_to_lead().await;
    write(new_leader, 50..100).await;
    assert_eq!(old_leader.kv.get("key-99"), None);

    // Once the network is healed, the old leader steps down, drops the write, and catches up.
    network.partitions().heal(old_leader.id);
    let outcome = lost.await.unwrap();
    assert!(outcome.is_err(), "{outcome:?}");
    let leader = wait_for_leader(&nodes).await;
    write(leader, 100..150).await;
    wait_to_agree(leader, &nodes).await;
    for node in nodes {
        assert_holds(node, 0..150);
        assert_eq!(node.kv.get("lost"), None);
    }

    // The logs on disk agree as well.
    stop_all([node1, node2, node3]).await;
    let [log1, log2, log3] = [host1.stored().await, host2.stored().await, host3.stored().await];
    assert_eq!(log1.entries, log2.entries);
    assert_eq!(log1.entries, log3.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_catches_up_by_snapshot_and_a_cluster_restarts_from_disk() {
    let network = MemNetwork::new();
    let [host1, host2, host3] = hosts();
    let (node1, _) = host1.start(&network, fresh([1])).await.unwrap();
    node1.wait_to_lead().await;
    write(&node1, 0..100).await;

    // Entries in the snapshot leave the log, so that a new node needs the snapshot.
    node1.raft.trigger().snapshot().await.unwrap();
    node1
        .wait("has purged its log", |m| {
            m.purged.is_some_and(|purged| purged.index >= 100)
        })
        .await;
    write(&node1, 100..110).await;

    // New nodes get the snapshot and the log after it, and then become voters.
    let (node2, _) = host2.start(&network, BootstrapMode::Join).await.unwrap();
    let (node3, _) = host3.start(&network, BootstrapMode::Join).await.unwrap();
    for node in [&node2, &node3] {
        add_learner(&node1.raft, node.id, address(node.id), true).await.unwrap();
        node.wait("has installed a snapshot", |m| {
            m.snapshot.is_some_and(|snapshot| snapshot.index >= 100)
        })
        .await;
    }
    change_membership(&node1.raft, BTreeSet::from([1, 2, 3]), false)
        .await
        .unwrap();
    wait_to_agree(&node1, &[&node1, &node2, &node3]).await;

    // A node that misses writes while it is down starts from its own disk, and catches up from the leader's log.
    node3.stop().await;
    write(&node1, 110..150).await;
    let (node3, bootstrapped) = host3.start(&network, BootstrapMode::Reopen).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Resumed);
    assert_holds(&node3, 0..100);
    wait_to_agree(&node1, &[&node2, &node3]).await;

    // All nodes stop, and start again with all their data.
    stop_all([node1, node2, node3]).await;
    let mut nodes = Vec::new();
    for host in [&host1, &host2, &host3] {
        let (node, bootstrapped) = host.start(&network, BootstrapMode::Reopen).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Resumed);
        nodes.push(node);
    }
    let nodes: Vec<&Node> = nodes.iter().collect();
    let leader = wait_for_leader(&nodes).await;
    leader.wait_to_lead().await;
    write(leader, 150..160).await;
    wait_to_agree(leader, &nodes).await;
    for node in nodes {
        assert_holds(node, 0..160);
    }
}
