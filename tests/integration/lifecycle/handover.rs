//! A node that is about to stop hands its leadership over.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use openraft_toolkit::lifecycle::{Handover, graceful_shutdown, hand_over};
use openraft_toolkit::openraft;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::{ClientWriteError, ForwardReason, RaftError};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, Node, fresh, wait_for_leader};
use openraft_toolkit_tests::types::Set;

use super::three_nodes;

fn has_stopped(node: &Node) -> bool {
    node.raft.metrics().borrow_watched().running_state.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_shuts_down_hands_over_first() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    let term = leader.raft.metrics().borrow_watched().current_term;

    let handover = graceful_shutdown(&leader.raft, DEADLINE).await;

    let Handover::HandedOver { to } = handover else {
        panic!("{handover:?}");
    };
    assert!(has_stopped(leader));
    let next = wait_for_leader(&[b, c]).await;
    assert_eq!(next.id, to);
    // There was only one election, which the handover asked for.
    assert_eq!(next.raft.metrics().borrow_watched().current_term, term + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_that_a_leader_accepted_has_succeeded_when_it_has_handed_over() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let leader = &nodes[0].1;

    let writes = (0..200).map(|i| {
        let set = Set {
            key: format!("k{i}"),
            value: "v".to_string(),
        };
        async { (set.key.clone(), leader.raft.client_write(set).await) }
    });
    let (outcomes, handover) = tokio::join!(join_all(writes), hand_over(&leader.raft, DEADLINE));

    assert!(matches!(handover, Handover::HandedOver { .. }), "{handover:?}");
    for (key, outcome) in outcomes {
        match outcome {
            Ok(_) => assert_eq!(leader.kv.get(&key).as_deref(), Some("v")),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                assert_ne!(forward.reason, ForwardReason::LeaseExpired);
                assert_eq!(leader.kv.get(&key), None);
            }
            Err(error) => panic!("{key}: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_voter_is_asked_where_the_first_one_has_died() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, _, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    leader
        .wait("has all followers up to date", |m| {
            let replicated = m.replication.as_ref().unwrap().values();
            replicated
                .flatten()
                .filter(|log_id| Some(log_id.index) == m.last_log_index)
                .count()
                == 3
        })
        .await;
    // Node 2 answered a moment ago, and is the first of two equal voters.
    network.partitions().isolate(2);

    let handover = hand_over(&leader.raft, DEADLINE).await;

    assert_eq!(handover, Handover::HandedOver { to: 3 });
    c.set("k", "v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_that_lags_is_not_asked_before_one_that_does_not() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let leader = &nodes[0].1;
    // Node 2 is cut off until its acknowledgements are old, and misses a write.
    network.partitions().isolate(2);
    leader.set("k", "v").await;
    let lease = Duration::from_millis(leader.raft.config().election_timeout_max);
    leader
        .wait("has not heard from node 2 for a lease", |m| {
            let acknowledged = m.heartbeat.as_ref().unwrap()[&2];
            acknowledged.is_none_or(|at| openraft::Instant::elapsed(&*at) > lease)
        })
        .await;

    let started = Instant::now();
    assert_eq!(hand_over(&leader.raft, DEADLINE).await, Handover::HandedOver { to: 3 });
    // The first attempt succeeded: a failed attempt takes two leases.
    assert!(started.elapsed() < 2 * lease, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_has_nothing_to_hand_over() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let follower = &nodes[1].1;
    follower.wait("knows the leader", |m| m.current_leader == Some(1)).await;

    assert_eq!(hand_over(&follower.raft, DEADLINE).await, Handover::NotLeader);
    assert!(!has_stopped(follower));
    assert_eq!(graceful_shutdown(&follower.raft, DEADLINE).await, Handover::NotLeader);
    assert!(has_stopped(follower));
    // A node that has stopped has nothing to hand over either.
    assert_eq!(graceful_shutdown(&follower.raft, DEADLINE).await, Handover::NotLeader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_voter_has_no_one_to_hand_over_to() {
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), fresh([1]))
        .await
        .unwrap();
    node.wait_to_lead().await;

    assert_eq!(graceful_shutdown(&node.raft, DEADLINE).await, Handover::OnlyVoter);
    assert!(has_stopped(&node));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_node_of_a_cluster_that_is_shut_down_does_not_wait_for_the_others() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    b.raft.shutdown().await.unwrap();
    c.raft.shutdown().await.unwrap();

    let handover = tokio::time::timeout(DEADLINE, graceful_shutdown(&leader.raft, Duration::MAX));

    assert_eq!(handover.await.unwrap(), Handover::Unreachable);
    assert!(has_stopped(leader));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_can_be_shut_down_at_the_same_time() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;

    let all = join_all(
        nodes
            .iter()
            .map(|(_, node)| graceful_shutdown(&node.raft, Duration::MAX)),
    );

    let outcomes = tokio::time::timeout(DEADLINE, all).await.unwrap();
    assert!(nodes.iter().all(|(_, node)| has_stopped(node)), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_deadline_the_node_stops_anyway() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    network.partitions().isolate(1);
    let (started, deadline) = (Instant::now(), Duration::from_millis(500));

    assert_eq!(
        graceful_shutdown(&leader.raft, deadline).await,
        Handover::DeadlinePassed
    );

    assert!(started.elapsed() >= deadline);
    assert!(has_stopped(leader));
    wait_for_leader(&[b, c]).await.set("k", "v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_handed_over_does_not_stand_for_election() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let [leader, b, c] = [&nodes[0].1, &nodes[1].1, &nodes[2].1];
    let Handover::HandedOver { to } = hand_over(&leader.raft, DEADLINE).await else {
        panic!("the leadership was not handed over");
    };

    // The next leader stops. Of the two nodes that are left, only the last stands for election.
    let (next, last) = if to == 2 { (b, c) } else { (c, b) };
    next.raft.shutdown().await.unwrap();

    last.wait_to_lead().await;
}
