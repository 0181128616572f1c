//! `MemStateMachine`: its snapshots, and every way in which a call fails or waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::openraft::errors::{Fatal, RaftError};
use openraft_toolkit::openraft::storage::{RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, Raft, ServerState};
use openraft_toolkit::test_fakes::StateMachineCall::*;
use openraft_toolkit::test_fakes::{MemLogStore, MemNetwork, MemStateMachine};
use openraft_toolkit::{BootstrapMode, bootstrap};
use openraft_toolkit_tests::node::{DEADLINE, address, config, eventually, fresh};
use openraft_toolkit_tests::types::{Set, TypeConfig};

type Map = BTreeMap<String, String>;
type StateMachine = MemStateMachine<TypeConfig, Map>;
type Node = Raft<TypeConfig, StateMachine>;
type Network = Arc<MemNetwork<TypeConfig>>;

fn state_machine() -> StateMachine {
    StateMachine::new(|map, entry| match &entry.payload {
        EntryPayload::Normal(set) => map.insert(set.key.clone(), set.value.clone()),
        _ => None,
    })
}

async fn start(
    network: &Network,
    id: u64,
    log: &MemLogStore<TypeConfig>,
    machine: &StateMachine,
    mode: BootstrapMode<TypeConfig>,
) -> Node {
    let config = config().validate().unwrap().into();
    let raft = Raft::new(id, config, network.factory_for(id), log.clone(), machine.clone())
        .await
        .unwrap();
    bootstrap(&raft, mode).await.unwrap();
    network.register(id, raft.clone());
    raft
}

/// Starts node 1 as a cluster of one node, and waits until it leads.
async fn leader(network: &Network, log: &MemLogStore<TypeConfig>, machine: &StateMachine) -> Node {
    let raft = start(network, 1, log, machine, fresh([1])).await;
    raft.wait(Some(DEADLINE))
        .state(ServerState::Leader, "leads")
        .await
        .unwrap();
    // Wait for the first entries of the leader, so that a fault that a test sets next does not hit them.
    raft.wait(Some(DEADLINE))
        .applied_index_at_least(Some(1), "has applied the membership and its blank entry")
        .await
        .unwrap();
    raft
}

fn set(key: &str, value: &str) -> Set {
    Set {
        key: key.to_string(),
        value: value.to_string(),
    }
}

async fn write(raft: &Node, key: &str, value: &str) -> Option<String> {
    raft.client_write(set(key, value)).await.unwrap().data
}

/// Takes a snapshot of all that `raft` has applied.
async fn snapshot(raft: &Node, machine: &StateMachine) {
    let applied = machine.applied().last_log_id;
    raft.trigger().snapshot().await.unwrap();
    eventually("the snapshot is there", || machine.snapshot_log_id() == applied).await;
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Map {
    entries.map(|(key, value)| (key.to_string(), value.to_string())).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_applied_and_answered_and_a_clone_sees_them() {
    let machine = state_machine();
    let raft = leader(&MemNetwork::new(), &MemLogStore::new(), &machine).await;
    assert_eq!(write(&raft, "a", "1").await, None);
    assert_eq!(write(&raft, "a", "2").await, Some("1".to_string()));
    assert_eq!(machine.state(), map([("a", "2")]));
    let applied = machine.applied();
    assert_eq!(applied.last_log_id.unwrap().index, 3);
    assert_eq!(applied.membership.membership().voter_ids().collect::<Vec<_>>(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_openraft_restores_it_from_the_snapshot_and_the_log() {
    let (network, log, machine) = (MemNetwork::new(), MemLogStore::new(), state_machine());
    let raft = leader(&network, &log, &machine).await;
    write(&raft, "a", "1").await;
    snapshot(&raft, &machine).await;
    write(&raft, "b", "2").await;
    raft.shutdown().await.unwrap();

    let machine = machine.crash();
    assert_eq!(machine.state(), map([]));
    let raft = start(&network, 1, &log, &machine, BootstrapMode::Reopen).await;
    assert_eq!(machine.state().get("a").unwrap(), "1");
    raft.wait(Some(DEADLINE))
        .state(ServerState::Leader, "leads")
        .await
        .unwrap();
    eventually("the log is applied", || {
        machine.state() == map([("a", "1"), ("b", "2")])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_applied_stops_the_node_and_is_applied_by_the_next_start() {
    let (network, log, machine) = (MemNetwork::new(), MemLogStore::new(), state_machine());
    let raft = leader(&network, &log, &machine).await;
    machine.faults().fail_nth(Apply, 1);
    let error = raft.client_write(set("a", "1")).await.unwrap_err();
    assert!(
        matches!(error, RaftError::Fatal(Fatal::StorageError(_) | Fatal::Stopped)),
        "{error}"
    );
    assert_eq!(machine.state(), map([]));
    let _ = raft.shutdown().await;

    let raft = start(&network, 1, &log, &machine, BootstrapMode::Reopen).await;
    raft.wait(Some(DEADLINE))
        .state(ServerState::Leader, "leads")
        .await
        .unwrap();
    eventually("the entry is applied", || machine.state() == map([("a", "1")])).await;
}

#[tokio::test]
async fn a_snapshot_is_of_the_state_when_the_builder_was_made_and_never_replaces_a_newer_one() {
    let (mut machine, other) = (state_machine(), state_machine());
    let raft = leader(&MemNetwork::new(), &MemLogStore::new(), &other).await;
    write(&raft, "a", "1").await;
    let mut older = other.clone().get_snapshot_builder().await;
    write(&raft, "a", "2").await;
    let newer = other
        .clone()
        .get_snapshot_builder()
        .await
        .build_snapshot()
        .await
        .unwrap();

    let older = older.build_snapshot().await.unwrap();
    assert!(older.meta.last_log_id < newer.meta.last_log_id);
    assert_eq!(other.snapshot_log_id(), newer.meta.last_log_id);

    machine.install_snapshot(&older.meta, older.snapshot).await.unwrap();
    assert_eq!(machine.state(), map([("a", "1")]));
    // A snapshot that is cut short, or does not belong to its metadata, is refused.
    let mut short = newer.snapshot.clone();
    short.get_mut().pop();
    machine.install_snapshot(&newer.meta, short).await.unwrap_err();
    let error = machine.install_snapshot(&older.meta, newer.snapshot).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the snapshot does not match its metadata"),
        "{error}"
    );
    assert_eq!(machine.state(), map([("a", "1")]));
}

#[tokio::test]
async fn an_installation_that_fails_halfway_leaves_the_snapshot_and_the_old_state() {
    let other = state_machine();
    let raft = leader(&MemNetwork::new(), &MemLogStore::new(), &other).await;
    write(&raft, "a", "1").await;
    let snapshot = other
        .clone()
        .get_snapshot_builder()
        .await
        .build_snapshot()
        .await
        .unwrap();

    let mut machine = state_machine();
    machine.faults().fail_nth(InstallSnapshot, 1);
    machine.faults().fail_nth(FinishInstall, 1);
    let mut install = async || {
        machine
            .install_snapshot(&snapshot.meta, snapshot.snapshot.clone())
            .await
    };
    install().await.unwrap_err();
    install().await.unwrap_err();
    assert_eq!(
        (machine.state(), machine.snapshot_log_id()),
        (map([]), snapshot.meta.last_log_id)
    );

    // At the next start, openraft installs the current snapshot.
    let found = machine.get_current_snapshot().await.unwrap().unwrap();
    machine.install_snapshot(&found.meta, found.snapshot).await.unwrap();
    assert_eq!(machine.applied(), other.applied());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_takes_its_time_holds_up_no_write() {
    let machine = state_machine();
    let raft = leader(&MemNetwork::new(), &MemLogStore::new(), &machine).await;
    write(&raft, "a", "1").await;
    machine.faults().hold(BuildSnapshot);
    raft.trigger().snapshot().await.unwrap();
    eventually("the build is held", || machine.faults().held(BuildSnapshot) == 1).await;
    write(&raft, "a", "2").await;
    assert_eq!(machine.snapshot_log_id(), None);
    machine.faults().release(BuildSnapshot);
    eventually("the snapshot is built", || machine.snapshot_log_id().is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_cannot_install_a_snapshot_catches_up_when_it_starts_again() {
    let network = MemNetwork::new();
    let (log, machine) = (MemLogStore::new(), state_machine());
    let raft = leader(&network, &log, &machine).await;
    write(&raft, "a", "1").await;
    snapshot(&raft, &machine).await;
    let purged = machine.snapshot_log_id().unwrap().index;
    raft.trigger().purge_log(purged).await.unwrap();
    raft.wait(Some(DEADLINE))
        .purged(machine.snapshot_log_id(), "purged")
        .await
        .unwrap();

    let (log, learner) = (MemLogStore::new(), state_machine());
    learner.faults().fail_nth(InstallSnapshot, 1);
    let node = start(&network, 2, &log, &learner, BootstrapMode::Join).await;
    raft.add_learner(2, address(2), false).await.unwrap();
    eventually("the learner has tried", || learner.faults().count(InstallSnapshot) == 1).await;
    let _ = tokio::time::timeout(Duration::from_secs(10), node.shutdown())
        .await
        .unwrap();
    assert_eq!(learner.state(), map([]));

    start(&network, 2, &log, &learner, BootstrapMode::Join).await;
    eventually("the learner has caught up", || learner.state() == map([("a", "1")])).await;
}
