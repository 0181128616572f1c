//! `MemLogStore`: what a crash leaves, and every way in which a call fails, waits or takes time.

use std::io;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use openraft_toolkit::openraft::alias::{OneshotReceiverOf, VoteOf};
use openraft_toolkit::openraft::errors::{Fatal, RaftError};
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::{Config, EntryPayload, Raft, ServerState};
use openraft_toolkit::test_fakes::LogStoreCall::*;
use openraft_toolkit::test_fakes::{MemLogStore, MemNetwork, MemStateMachine};
use openraft_toolkit::{BootstrapMode, bootstrap};
use openraft_toolkit_tests::log::{Entry, Types, entries, entry, log_id};
use openraft_toolkit_tests::node::{DEADLINE, eventually};
use tokio::time::Instant;

type Store = MemLogStore<Types>;

/// Appends without waiting, and returns the outcome that the callback will report.
async fn append(store: &mut Store, entries: Vec<Entry>) -> OneshotReceiverOf<Types, io::Result<()>> {
    let (tx, rx) = Types::oneshot();
    store.append(entries, IOFlushed::signal(tx)).await.unwrap();
    rx
}

async fn read(store: &Store) -> Vec<Entry> {
    store.clone().try_get_log_entries(..).await.unwrap()
}

#[tokio::test]
async fn a_clone_is_another_handle_on_the_same_log() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    store.save_vote(&VoteOf::<Types>::new(2, 1)).await.unwrap();
    let mut again = store.clone();
    drop(store);
    assert_eq!(read(&again).await, entries(1, 0..=4));
    assert_eq!(again.read_vote().await.unwrap(), Some(VoteOf::<Types>::new(2, 1)));
}

#[tokio::test]
async fn an_append_with_a_hole_is_refused_and_nothing_of_it_is_kept() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    for bad in [
        vec![entry(1, 6, "x")],
        vec![entry(1, 4, "x")],
        vec![entry(1, 5, "x"), entry(1, 7, "x")],
    ] {
        let error = store.append(bad, IOFlushed::noop()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("cannot append index"), "{error}");
        assert_eq!(read(&store).await, entries(1, 0..=4));
    }
    store.purge(log_id(1, 9)).await.unwrap();
    let error = store.append([entry(1, 9, "x")], IOFlushed::noop()).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot append index 9, the next index is 10");
}

#[tokio::test]
async fn a_stream_bound_to_a_leader_ends_with_an_error_as_soon_as_the_vote_is_another() {
    let mut store = Store::new();
    let mut writer = store.clone();
    let leader = VoteOf::<Types>::new_committed(2, 1);
    store.blocking_append(entries(2, 0..=9)).await.unwrap();
    writer.save_vote(&leader).await.unwrap();

    let mut stream = store.leader_bounded_stream(leader.leader_id, 0..10).await;
    assert_eq!(stream.next().await.unwrap().unwrap(), entry(2, 0, "2-0"));
    writer.save_vote(&VoteOf::<Types>::new(3, 2)).await.unwrap();
    let next = stream.next().await;
    assert!(matches!(next, Some(Err(LeaderBoundedStreamError::LeaderChanged(_)))));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_crash_leaves_what_was_acknowledged_and_all_writes_before_it() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    store.faults().hold(Callback);
    let mut held = append(&mut store, entries(1, 5..=6)).await;
    store.purge(log_id(1, 1)).await.unwrap();
    store.save_committed(Some(log_id(1, 4))).await.unwrap();
    assert_eq!(store.unsynced(), 3);

    let mut crashed = store.crash();
    assert_eq!(read(&crashed).await, entries(1, 0..=4));
    assert_eq!(crashed.read_committed().await.unwrap(), None);
    assert_eq!(crashed.unsynced(), 0);
    // The callback was dropped without being run.
    assert!(matches!((&mut held).now_or_never(), Some(Err(_))));

    // Saving a vote syncs all earlier writes.
    crashed.faults().hold(Callback);
    let callback = append(&mut crashed, entries(1, 5..=6)).await;
    crashed.save_vote(&VoteOf::<Types>::new(2, 1)).await.unwrap();
    assert!(
        callback.now_or_never().is_none(),
        "the callback of the append is still held"
    );
    let crashed = crashed.crash();
    assert_eq!(read(&crashed).await, entries(1, 0..=6));
}

#[tokio::test]
async fn a_crash_may_leave_the_first_writes_that_were_not_acknowledged() {
    for kept in 0..=3 {
        let mut store = Store::new();
        store.faults().hold(Callback);
        for index in 0..3 {
            append(&mut store, entries(1, index..=index)).await;
        }
        let crashed = store.crash_keeping(kept);
        assert_eq!(read(&crashed).await, entries(1, 0..=2)[..kept]);
    }
}

#[tokio::test]
async fn after_a_crash_the_earlier_handles_are_dead() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let mut crashed = store.crash();
    crashed.blocking_append(entries(1, 5..=5)).await.unwrap();

    let errors = [
        store.append(entries(1, 5..=5), IOFlushed::noop()).await.unwrap_err(),
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap_err(),
        store.truncate_after(None).await.unwrap_err(),
        store.purge(log_id(1, 1)).await.unwrap_err(),
        store.try_get_log_entries(..).await.unwrap_err(),
        store.read_vote().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.to_string(),
            "the power was cut; help: use the store that `crash` returned"
        );
    }
    assert_eq!(read(&crashed).await, entries(1, 0..=5));
}

#[tokio::test]
async fn a_call_that_fails_changes_nothing_and_the_next_one_succeeds() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    for call in [
        Append,
        SaveVote,
        SaveCommitted,
        TruncateAfter,
        Purge,
        ReadEntries,
        ReadState,
    ] {
        store.faults().fail_nth(call, 1);
    }

    let errors = [
        store.append(entries(1, 5..=5), IOFlushed::noop()).await.unwrap_err(),
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap_err(),
        store.save_committed(Some(log_id(1, 1))).await.unwrap_err(),
        store.truncate_after(None).await.unwrap_err(),
        store.purge(log_id(1, 1)).await.unwrap_err(),
        store.try_get_log_entries(..).await.unwrap_err(),
        store.get_log_state().await.unwrap_err(),
    ];
    let messages = errors.map(|error| error.to_string());
    assert_eq!(
        messages,
        [
            "an append",
            "saving the vote",
            "saving the committed log id",
            "a truncation",
            "a purge",
            "a read of entries",
            "a read of the log's state",
        ]
        .map(|call| format!("{call} fails, as the test wants it"))
    );

    assert_eq!(read(&store).await, entries(1, 0..=4));
    assert_eq!(store.read_vote().await.unwrap(), None);
    assert_eq!(store.read_committed().await.unwrap(), None);
    assert_eq!(store.get_log_state().await.unwrap().last_purged_log_id, None);
    store.blocking_append(entries(1, 5..=5)).await.unwrap();
}

#[tokio::test]
async fn the_nth_call_fails_or_all_calls_fail_until_they_are_healed() {
    let mut store = Store::new();
    let faults = store.faults();
    let mut index = 0..;
    let mut outcome = async || {
        let entry = entry(1, index.next().unwrap(), "x");
        let appended = store.append([entry.clone()], IOFlushed::noop()).await.is_ok();
        if !appended {
            faults.heal(Append);
            store.append([entry], IOFlushed::noop()).await.unwrap();
        }
        appended
    };

    faults.fail_nth(Append, 3);
    assert_eq!(
        [outcome().await, outcome().await, outcome().await, outcome().await],
        [true, true, false, true]
    );
    faults.fail_all(Append);
    assert!(!outcome().await);
    assert!(outcome().await);
    assert_eq!(faults.count(Append), 8);
}

#[tokio::test]
async fn a_reading_stream_fails_too() {
    let mut store = Store::new();
    store.faults().fail_all(ReadEntries);
    assert!(store.entries_stream(..).await.next().await.unwrap().is_err());
    let leader = VoteOf::<Types>::new_committed(2, 1).leader_id;
    let item = store.leader_bounded_stream(leader, ..).await.next().await.unwrap();
    assert!(matches!(item, Err(LeaderBoundedStreamError::IoError(_))));
}

#[tokio::test]
async fn callbacks_wait_for_the_test_and_then_come_in_order() {
    let mut store = Store::new();
    store.faults().hold(Callback);
    let mut first = append(&mut store, entries(1, 0..=1)).await;
    let second = append(&mut store, entries(1, 2..=3)).await;
    assert_eq!(read(&store).await, entries(1, 0..=3), "readable before it is durable");
    eventually("both are held", || store.faults().held(Callback) == 2).await;
    assert!((&mut first).now_or_never().is_none());

    store.faults().release(Callback);
    second.await.unwrap().unwrap();
    first.now_or_never().expect("comes before the second").unwrap().unwrap();
    assert_eq!(read(&store.crash()).await, entries(1, 0..=3));
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_takes_its_time_on_the_clock_of_the_runtime() {
    let mut store = Store::new();
    let started = Instant::now();
    store.faults().delay(Callback, Duration::from_secs(3600));
    store.faults().delay(SaveVote, Duration::from_secs(60));
    let callback = append(&mut store, entries(1, 0..=1)).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 60);
    callback.await.unwrap().unwrap();
    assert_eq!(started.elapsed().as_secs(), 3600);
}

#[tokio::test]
async fn a_callback_with_an_error_is_final_until_the_next_start() {
    let mut store = Store::new();
    store.blocking_append(entries(1, 0..=1)).await.unwrap();
    store.faults().fail_nth(Callback, 1);
    let callback = append(&mut store, entries(1, 2..=3)).await;
    let error = callback.await.unwrap().unwrap_err();
    let message = "the sync of an append failed, so nothing is written any more; help: start again from `crash`: the sync \
                   of an append fails, as the test wants it";
    assert_eq!(error.to_string(), message);
    assert_eq!(
        store
            .save_vote(&VoteOf::<Types>::new(1, 1))
            .await
            .unwrap_err()
            .to_string(),
        message
    );
    store.append(entries(1, 4..=4), IOFlushed::noop()).await.unwrap_err();
    assert_eq!(read(&store).await, entries(1, 0..=3));

    let mut crashed = store.crash();
    assert_eq!(read(&crashed).await, entries(1, 0..=1));
    crashed.blocking_append(entries(2, 2..=2)).await.unwrap();
}

fn fresh() -> BootstrapMode<Types> {
    BootstrapMode::Fresh {
        initial_members: [(1, ())].into(),
    }
}

/// Starts a cluster of one node on `store`, and waits until the node leads.
async fn leader(store: Store, mode: BootstrapMode<Types>) -> Raft<Types, MemStateMachine<Types, Vec<Entry>>> {
    let config = Config {
        heartbeat_interval: 20,
        election_timeout_min: 50,
        election_timeout_max: 100,
        ..Config::default()
    };
    let config = config.validate().unwrap().into();
    let network = MemNetwork::new();
    let raft = Raft::new(1, config, network.factory_for(1), store, MemStateMachine::recording())
        .await
        .unwrap();
    bootstrap(&raft, mode).await.unwrap();
    let wait = raft.wait(Some(DEADLINE));
    wait.state(ServerState::Leader, "leads").await.unwrap();
    raft
}

#[tokio::test(start_paused = true)]
async fn a_leader_answers_no_write_before_its_disk_does_and_loses_it_with_the_power() {
    let store = Store::new();
    let raft = leader(store.clone(), fresh()).await;
    raft.client_write("durable".to_string()).await.unwrap();

    store.faults().hold(Callback);
    let write = tokio::time::timeout(Duration::from_secs(60), raft.client_write("held".to_string()));
    write.await.expect_err("a write that is not durable was answered");
    let data = |entries: &[Entry]| -> Vec<String> {
        let data = entries.iter().filter_map(|entry| match &entry.payload {
            EntryPayload::Normal(data) => Some(data.clone()),
            _ => None,
        });
        data.collect()
    };
    assert_eq!(data(&read(&store).await), ["durable", "held"]);

    let crashed = store.crash();
    raft.shutdown().await.unwrap();
    assert_eq!(data(&read(&crashed).await), ["durable"]);
    let raft = leader(crashed, BootstrapMode::Reopen).await;
    raft.client_write("next".to_string()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_stops_at_the_first_error_of_its_disk_and_starts_again_from_the_log() {
    for call in [Append, Callback] {
        let store = Store::new();
        let raft = leader(store.clone(), fresh()).await;
        store.faults().fail_nth(call, 1);
        let error = raft.client_write("lost".to_string()).await.unwrap_err();
        let RaftError::Fatal(Fatal::StorageError(error)) = error else {
            panic!("{call:?}: {error}");
        };
        assert!(error.to_string().contains("fails, as the test wants it"), "{error}");

        let raft = leader(store.crash(), BootstrapMode::Reopen).await;
        raft.client_write("next".to_string()).await.unwrap();
    }
}
