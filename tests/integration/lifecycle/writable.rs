//! `wait_writable` waits until a node accepts writes, or returns an error.

use std::error::Error;
use std::time::{Duration, Instant};

use openraft_toolkit::lifecycle::{BootstrapMode, WritableError, hand_over, wait_writable};
use openraft_toolkit::openraft::errors::{ClientWriteError, Fatal, ForwardReason, RaftError};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, address, fresh};
use openraft_toolkit_tests::types::Set;
use tokio::time::timeout;

use super::three_nodes;

fn set() -> Set {
    Set {
        key: "k".to_string(),
        value: "v".to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_just_started_takes_writes_once_it_was_elected_and_acknowledged() {
    let network = MemNetwork::new();
    let (follower, _) = Host::new(2, Keys::Flat)
        .start(&network, BootstrapMode::Join)
        .await
        .unwrap();
    follower.raft.runtime_config().elect(false);
    // No node leads yet.
    let (node, _) = Host::new(1, Keys::Flat).start(&network, fresh([1, 2])).await.unwrap();

    let leadership = wait_writable(&node.raft, DEADLINE).await.unwrap();

    let written = node.raft.client_write(set()).await.unwrap();
    assert_eq!(written.log_id.committed_leader_id(), &leadership);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_voter_needs_no_one_else() {
    let network = MemNetwork::new();
    let (node, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();

    wait_writable(&node.raft, DEADLINE).await.unwrap();

    node.raft.client_write(set()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_names_the_leader_at_once() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let follower = &nodes[1].1;
    follower.wait("knows the leader", |m| m.current_leader == Some(1)).await;

    let error = wait_writable(&follower.raft, Duration::from_secs(3600))
        .await
        .unwrap_err();

    assert!(error.source().is_some());
    assert_eq!(error.to_string(), "this node is not the leader; help: ask node 1");
    let WritableError::NotLeader { leader, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(leader, Some((1, address(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_elected_before_the_deadline_no_one_is_named() {
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), BootstrapMode::Join)
        .await
        .unwrap();
    let (started, deadline) = (Instant::now(), Duration::from_millis(200));

    let error = wait_writable(&node.raft, deadline).await.unwrap_err();

    assert!(started.elapsed() >= deadline);
    assert!(
        matches!(error, WritableError::NotLeader { leader: None, .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_lost_its_majority_takes_writes_again_when_it_is_back() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let leader = &nodes[0].1;
    for (_, node) in &nodes {
        node.raft.runtime_config().elect(false);
    }

    network.partitions().isolate(1);
    let refused = async {
        loop {
            // A write that is accepted before the lease ends waits for the majority.
            match timeout(Duration::from_millis(50), leader.raft.client_write(set())).await {
                Err(_) => {}
                Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => break forward,
                Ok(outcome) => panic!("{outcome:?}"),
            }
        }
    };
    let refused = timeout(DEADLINE, refused).await.unwrap();
    assert_eq!(refused.reason, ForwardReason::LeaseExpired);
    let deadline = Duration::from_millis(200);
    let error = wait_writable(&leader.raft, deadline).await.unwrap_err();
    assert!(error.source().is_some());
    assert!(
        matches!(error, WritableError::NoQuorum { deadline: d, .. } if d == deadline),
        "{error:?}"
    );

    let (writable, ()) = tokio::join!(wait_writable(&leader.raft, DEADLINE), async {
        network.partitions().heal(1);
    });
    writable.unwrap();
    leader.raft.client_write(set()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hands_over_names_the_next_one() {
    let network = MemNetwork::new();
    let nodes = three_nodes(&network).await;
    let leader = &nodes[0].1;
    // The handover cannot succeed, because both other nodes are cut off.
    network.partitions().isolate(1);
    let handing_over = tokio::spawn({
        let raft = leader.raft.clone();
        async move { hand_over(&raft, DEADLINE).await }
    });

    let error = async {
        loop {
            if let Err(error) = wait_writable(&leader.raft, Duration::ZERO).await {
                break error;
            }
        }
    };
    let error = timeout(DEADLINE, error).await.unwrap();

    let named = match error {
        WritableError::NotLeader { leader, source } if source.reason == ForwardReason::LeadershipTransfer => leader,
        error => panic!("{error:?}"),
    };
    assert!(
        named == Some((2, address(2))) || named == Some((3, address(3))),
        "{named:?}"
    );
    handing_over.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_stopped_takes_no_writes() {
    let (node, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), fresh([1]))
        .await
        .unwrap();
    node.raft.shutdown().await.unwrap();

    let error = wait_writable(&node.raft, DEADLINE).await.unwrap_err();

    assert!(error.source().is_some());
    assert!(
        matches!(error, WritableError::Fatal { source: Fatal::Stopped }),
        "{error:?}"
    );
}
