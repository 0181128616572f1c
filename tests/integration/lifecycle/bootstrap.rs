//! `Fresh`, `Reopen` and `Join`: modes that require a certain state of the storage.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use openraft_toolkit::lifecycle::{BootstrapError, BootstrapMode, Bootstrapped, add_learner, bootstrap};
use openraft_toolkit::log_store::Flat;
use openraft_toolkit::openraft::ServerState;
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::Fatal;
use openraft_toolkit::openraft::raft::VoteRequest;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, Host, Keys, Raft, address, config, fresh, wait_to_agree};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::TypeConfig;
use tokio::time::timeout;

use super::{host_with_state, passive, voters};

#[tokio::test(flavor = "multi_thread")]
async fn fresh_on_blank_storage_forms_a_cluster() {
    let network = MemNetwork::new();
    for keys in [Keys::Flat, Keys::Group(7)] {
        let host = Host::new(1, keys);

        let (node, bootstrapped) = host.start(&network, fresh([1])).await.unwrap();
        assert_eq!(bootstrapped, Bootstrapped::Initialized);

        node.wait_to_lead().await;
        node.set("k", "v").await;
        assert_eq!(node.kv.get("k").as_deref(), Some("v"));
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_on_existing_storage_changes_nothing() {
    let host = host_with_state(5).await;
    let before = host.stored().await;
    assert!(before.entries.len() > 5);

    let node = host.open_with(&MemNetwork::new(), passive()).await;
    let error = bootstrap(&node.raft, fresh([1, 2, 3])).await.unwrap_err();
    assert_eq!(error, BootstrapError::UnexpectedExistingState);
    assert_eq!(voters(&node), BTreeSet::from([1]));
    node.stop().await;

    assert_eq!(host.stored().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_alone_is_state() {
    let host = Host::new(1, Keys::Flat);
    let node = host.open_with(&MemNetwork::new(), passive()).await;
    let vote = VoteOf::<TypeConfig>::new(3, 2);
    assert!(node.raft.vote(VoteRequest::new(vote, None)).await.unwrap().vote_granted);
    node.stop().await;
    let before = host.stored().await;
    assert_eq!((before.vote, before.entries.len()), (Some(vote), 0));

    let node = host.open_with(&MemNetwork::new(), passive()).await;
    let error = bootstrap(&node.raft, fresh([1])).await.unwrap_err();
    assert_eq!(error, BootstrapError::UnexpectedExistingState);
    for mode in [BootstrapMode::Reopen, BootstrapMode::Join] {
        assert_eq!(bootstrap(&node.raft, mode).await.unwrap(), Bootstrapped::Resumed);
    }
    node.stop().await;
    assert_eq!(host.stored().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reopen_resumes_from_the_log_on_disk() {
    let host = host_with_state(5).await;

    let (node, bootstrapped) = host.start(&MemNetwork::new(), BootstrapMode::Reopen).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Resumed);

    node.wait_to_lead().await;
    assert_eq!(node.kv.get("k").as_deref(), Some("4"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reopen_resumes_a_log_that_is_purged_to_its_end() {
    let host = Host::new(1, Keys::Flat);
    let network = MemNetwork::new();
    let (node, _) = host.start(&network, fresh([1])).await.unwrap();
    node.wait_to_lead().await;
    node.set("k", "v").await;
    node.raft.trigger().snapshot().await.unwrap();
    let last = node.wait("has a snapshot of everything", |m| {
        m.snapshot.is_some_and(|s| Some(s.index) == m.last_log_index)
    });
    let last = last.await.snapshot;
    node.wait("has purged its log", |m| m.purged == last).await;
    node.stop().await;
    assert_eq!(host.stored().await.entries, []);

    let (node, bootstrapped) = host.start(&network, BootstrapMode::Reopen).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Resumed);
    node.wait_to_lead().await;
    assert_eq!(node.kv.get("k").as_deref(), Some("v"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reopen_refuses_blank_storage_and_leaves_it_blank() {
    let host = Host::new(1, Keys::Flat);

    let node = host.open(&MemNetwork::new()).await;
    let error = bootstrap(&node.raft, BootstrapMode::Reopen).await.unwrap_err();
    assert_eq!(error, BootstrapError::NoExistingState);
    node.stop().await;

    assert!(host.stored().await.is_blank());
}

/// This is why a node calls `bootstrap` before it is reachable.
#[tokio::test(flavor = "multi_thread")]
async fn a_blank_node_that_is_reachable_grants_votes_and_then_has_state() {
    let host = Host::new(1, Keys::Flat);
    let node = host.open(&MemNetwork::new()).await;

    let request = VoteRequest::new(VoteOf::<TypeConfig>::new(9, 2), None);
    assert!(node.raft.vote(request).await.unwrap().vote_granted);

    assert_eq!(
        bootstrap(&node.raft, BootstrapMode::Reopen).await.unwrap(),
        Bootstrapped::Resumed
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn join_waits_to_be_added_and_resumes_with_the_same_flags() {
    let network = MemNetwork::new();
    let (leader, _) = Host::new(1, Keys::Flat).start(&network, fresh([1])).await.unwrap();
    leader.wait_to_lead().await;
    leader.set("k", "v1").await;

    let host = Host::new(2, Keys::Group(2));
    let (node, bootstrapped) = host.start(&network, BootstrapMode::Join).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Joining);
    assert_eq!(node.raft.metrics().borrow_watched().state, ServerState::Learner);

    add_learner(&leader.raft, 2, address(2), true).await.unwrap();
    wait_to_agree(&leader, &[&node]).await;
    node.stop().await;
    leader.set("k", "v2").await;

    let (node, bootstrapped) = host.start(&network, BootstrapMode::Join).await.unwrap();
    assert_eq!(bootstrapped, Bootstrapped::Resumed);
    wait_to_agree(&leader, &[&node]).await;
    assert_eq!(node.kv.get("k").as_deref(), Some("v2"));

    node.stop().await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_needs_members_of_which_this_node_is_one() {
    let host = Host::new(1, Keys::Flat);
    let node = host.open(&MemNetwork::new()).await;

    let error = bootstrap(&node.raft, fresh([])).await.unwrap_err();
    assert_eq!(error, BootstrapError::NoInitialMembers);

    let error = bootstrap(&node.raft, fresh([2, 3])).await.unwrap_err();
    assert!(
        matches!(error, BootstrapError::NotInitialMember { node_id: 1, .. }),
        "{error:?}"
    );
    assert!(error.source().is_some());

    // The refused starts have written nothing.
    assert_eq!(
        bootstrap(&node.raft, fresh([1])).await.unwrap(),
        Bootstrapped::Initialized
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_stopped_is_an_error_in_every_mode() {
    let host = Host::new(1, Keys::Flat);
    let node = host.open(&MemNetwork::new()).await;
    node.raft.shutdown().await.unwrap();

    for mode in [fresh([1]), BootstrapMode::Reopen, BootstrapMode::Join] {
        let error = bootstrap(&node.raft, mode).await.unwrap_err();
        assert!(
            matches!(error, BootstrapError::Fatal { source: Fatal::Stopped }),
            "{error:?}"
        );
        assert!(error.source().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raft_that_was_built_and_not_run_is_run_by_bootstrap() {
    let host = Host::new(1, Keys::Flat);
    let network = MemNetwork::new();
    let config = Arc::new(config().validate().unwrap());
    let kv = KvStateMachine::open(host.path());
    let factory = network.factory_for(1);
    let raft = Raft::build(1, config, factory, host.log_store(Flat).await, kv)
        .await
        .unwrap();

    let bootstrapped = timeout(DEADLINE, bootstrap(&raft, BootstrapMode::Join)).await.unwrap();
    assert_eq!(bootstrapped.unwrap(), Bootstrapped::Joining);
    raft.shutdown().await.unwrap();
}
