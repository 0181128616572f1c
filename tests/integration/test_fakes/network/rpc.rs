//! Every RPC, and every way in which an RPC fails.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::lifecycle::bootstrap;
use openraft_toolkit::openraft::alias::{EntryOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::errors::{RPCError, ReplicationClosed, StreamingError};
use openraft_toolkit::openraft::network::RPCOption;
use openraft_toolkit::openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use openraft_toolkit::openraft::{LogId, RPCTypes, RaftNetworkV2};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{Host, Keys, Node, eventually, fresh, wait_for_leader};
use openraft_toolkit_tests::types::TypeConfig;
use tokio::sync::Notify;

use super::helpers::{client, receiver, snapshot, soon, vote_request, voted_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_delivered_and_a_pre_vote_changes_nothing() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;

    assert!(client.pre_vote(vote_request(5), soon()).await.unwrap().vote_granted);
    assert_eq!(voted_in(&node).await, 0);

    assert!(client.vote(vote_request(5), soon()).await.unwrap().vote_granted);
    assert_eq!(voted_in(&node).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_delivered() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let vote = VoteOf::<TypeConfig>::new_committed(5, 1);
    let request = AppendEntriesRequest {
        vote,
        prev_log_id: None,
        entries: vec![EntryOf::<TypeConfig>::new_blank(LogId::new(vote.leader_id, 0))],
        leader_commit: None,
    };

    let response = client(&network, 1, 2).await.append_entries(request, soon()).await;

    assert_eq!(response.unwrap(), AppendEntriesResponse::Success);
    node.wait("has the entry", |m| m.last_log_index == Some(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over() {
    let network = MemNetwork::new();
    let second = receiver(&network, 2).await;
    let (first, _) = Host::new(1, Keys::Flat).start(&network, fresh([1, 2])).await.unwrap();
    first.wait_to_lead().await;
    let term = voted_in(&first).await;

    first.raft.trigger().transfer_leader(2).await.unwrap();

    second.wait_to_lead().await;
    let leader = wait_for_leader(&[&first, &second]).await;
    assert_eq!(leader.id, 2);
    assert!(voted_in(&first).await > term);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_registered_or_has_stopped_is_unreachable() {
    let network = MemNetwork::new();
    let mut client = client(&network, 1, 2).await;

    let never_registered = client.vote(vote_request(1), soon()).await;
    assert!(
        matches!(never_registered, Err(RPCError::Unreachable(_))),
        "{never_registered:?}"
    );

    let first = receiver(&network, 2).await;
    client.vote(vote_request(2), soon()).await.unwrap();
    first.raft.shutdown().await.unwrap();
    let stopped = client.vote(vote_request(3), soon()).await;
    assert!(matches!(stopped, Err(RPCError::Unreachable(_))), "{stopped:?}");

    // A node that is restarted takes the place of the stopped one.
    let second = receiver(&network, 2).await;
    client.vote(vote_request(4), soon()).await.unwrap();
    assert_eq!(voted_in(&second).await, 4);

    network.unregister(2);
    let unregistered = client.vote(vote_request(5), soon()).await;
    assert!(
        matches!(unregistered, Err(RPCError::Unreachable(_))),
        "{unregistered:?}"
    );
    assert_eq!(voted_in(&second).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_cut_off_takes_no_effect() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    let partitions = network.partitions();

    partitions.isolate(1);
    let refused = client.vote(vote_request(5), soon()).await;
    assert!(matches!(refused, Err(RPCError::Unreachable(_))), "{refused:?}");
    partitions.heal(1);

    partitions.isolate(2);
    let refused = client.vote(vote_request(5), soon()).await;
    assert!(matches!(refused, Err(RPCError::Unreachable(_))), "{refused:?}");
    partitions.heal(2);

    partitions.cut_edge(1, 2);
    let refused = client.vote(vote_request(5), soon()).await;
    assert!(matches!(refused, Err(RPCError::Unreachable(_))), "{refused:?}");
    assert_eq!(voted_in(&node).await, 0);
    partitions.restore_edge(1, 2);

    assert!(client.vote(vote_request(5), soon()).await.unwrap().vote_granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_cut_off_leaves_its_request_in_effect() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;

    network.partitions().cut_edge(2, 1);
    let lost = client.vote(vote_request(5), soon()).await;

    assert!(matches!(lost, Err(RPCError::Unreachable(_))), "{lost:?}");
    assert_eq!(voted_in(&node).await, 5);
}

/// Keeps the state machine of `node` busy until the returned `Notify` is notified.
async fn stall(node: &Node) -> Arc<Notify> {
    let resume = Arc::new(Notify::new());
    let until = resume.clone();
    let stalled = node
        .raft
        .external_state_machine_request(move |_| Box::pin(async move { until.notified().await }));
    stalled.await.unwrap();
    resume
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_too_slow_is_a_timeout_within_the_hard_ttl() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    let vote = VoteOf::<TypeConfig>::new_committed(5, 1);
    let hard_ttl = Duration::from_millis(200);

    let resume = stall(&node).await;
    let sent = client
        .full_snapshot(vote, snapshot().await, pending(), RPCOption::new(hard_ttl))
        .await;

    let Err(StreamingError::Timeout(error)) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (error.action, error.id, error.target),
        (RPCTypes::InstallSnapshot, 1, 2)
    );
    assert!(error.timeout < hard_ttl, "{:?}", error.timeout);

    resume.notify_one();
    client
        .full_snapshot(vote, snapshot().await, pending(), soon())
        .await
        .unwrap();
    assert_eq!(node.kv.get("k").as_deref(), Some("v"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_can_be_cancelled() {
    let network = MemNetwork::new();
    let node = receiver(&network, 2).await;
    let mut client = client(&network, 1, 2).await;
    let vote = VoteOf::<TypeConfig>::new_committed(5, 1);

    let _resume = stall(&node).await;
    let cancel = ready(ReplicationClosed::new("a new leader"));
    let sent = client.full_snapshot(vote, snapshot().await, cancel, soon()).await;

    assert!(matches!(sent, Err(StreamingError::Closed(_))), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_freed_once_its_nodes_are_stopped() {
    let network = MemNetwork::new();
    let second = receiver(&network, 2).await;
    let host = Host::new(1, Keys::Flat);
    let first = host.open(&network).await;
    bootstrap(&first.raft, fresh([1, 2])).await.unwrap();
    network.register(1, first.raft.clone());
    first.wait_to_lead().await;

    first.stop().await;
    second.stop().await;
    let freed = Arc::downgrade(&network);
    drop(network);

    eventually("the network is freed", || freed.upgrade().is_none()).await;
}
