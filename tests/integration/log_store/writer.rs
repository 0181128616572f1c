//! The queue and the writer's thread, which all groups of a database share.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake};
use std::time::Duration;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, db_options};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit_tests::log::{
    Entry, Store, Types, entries, entry, log_id, open, open_counting, open_dir, open_error, store_error,
};
use rocksdb::DB;
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

/// Appends `entry` as a task with `waker` does. The callback wakes the task, so the callback blocks or panics if
/// `waker` does.
async fn await_append_with(waker: impl Wake + Send + Sync + 'static, store: &mut Store<GroupPrefixed>, entry: Entry) {
    let (tx, rx) = Types::oneshot();
    let mut rx = Box::pin(rx);
    let waker = Arc::new(waker).into();
    assert!(rx.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    store.append([entry], IOFlushed::signal(tx)).await.unwrap();
    // Keep the receiver, and with it the registered waker.
    mem::forget(rx);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_of_all_groups_share_syncs_and_none_is_acknowledged_without_one() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let syncs = || options.get_ticker_count(Ticker::WalFileSynced);

    // Each of several appends in a row has its own sync.
    let mut store = open(&db, GroupPrefixed::new(0));
    let before = syncs();
    for index in 0..10 {
        store.blocking_append([entry(1, index, "x")]).await.unwrap();
    }
    assert_eq!(syncs() - before, 10);

    // A write without a callback is synced together with the next write that has a callback.
    let before = syncs();
    store.purge(log_id(1, 3)).await.unwrap();
    store.save_committed(Some(log_id(1, 9))).await.unwrap();
    assert_eq!(syncs() - before, 0);
    store.blocking_append([]).await.unwrap();
    assert_eq!(syncs() - before, 1);

    // A truncation has its own sync, if there is something to truncate.
    let before = syncs();
    store.truncate_after(Some(log_id(1, 5))).await.unwrap();
    assert_eq!(syncs() - before, 1);
    store.truncate_after(Some(log_id(1, 5))).await.unwrap();
    drop(store);
    assert_eq!(syncs() - before, 1);

    // Many appends in flight share syncs.
    let before = syncs();
    let appends = (1..=100).map(|group| {
        let mut store = open(&db, GroupPrefixed::new(group));
        tokio::spawn(async move {
            for index in 0..19 {
                store.append([entry(1, index, "x")], IOFlushed::noop()).await.unwrap();
            }
            store.blocking_append([entry(1, 19, "x")]).await.unwrap();
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let shared = syncs() - before;
    assert!((1..=400).contains(&shared), "{shared} syncs for 2,000 appends");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_waits_while_the_queue_is_full_and_goes_on_when_there_is_room() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let big = "x".repeat(8 << 20);
    let appends: Vec<_> = (0..4)
        .map(|group| {
            let mut store = open(&db, GroupPrefixed::new(group));
            let big = big.clone();
            tokio::spawn(async move {
                for index in 0..6 {
                    store.append([entry(1, index, &big)], IOFlushed::noop()).await.unwrap();
                }
                store.blocking_append([entry(1, 6, "last")]).await.unwrap();
            })
        })
        .collect();
    for append in appends {
        tokio::time::timeout(Duration::from_secs(60), append)
            .await
            .expect("an append is stuck")
            .unwrap();
    }
}

#[tokio::test]
async fn a_failed_write_is_final_for_every_group_and_every_later_call() {
    let dir = TempDir::new().unwrap();
    drop(open(&open_dir(&dir), Flat));
    // This database refuses every write.
    let db = Arc::new(DB::open_cf_for_read_only(&db_options(), dir.path(), [LOG_CF, META_CF], false).unwrap());
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));

    let (tx, rx) = Types::oneshot();
    store.append(entries(1, 0..=3), IOFlushed::signal(tx)).await.unwrap();
    let error = rx.await.unwrap().unwrap_err();
    assert!(
        matches!(store_error(&error), RocksdbLogStoreError::WriteFailed(_)),
        "{error}"
    );

    let later = [
        store.append(entries(1, 4..=4), IOFlushed::noop()).await,
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await,
        store.truncate_after(None).await,
        store.purge(log_id(1, 1)).await,
        store.save_committed(None).await,
        other.append(entries(1, 0..=0), IOFlushed::noop()).await,
        other.save_vote(&VoteOf::<Types>::new(1, 1)).await,
    ];
    for error in later.map(Result::unwrap_err) {
        assert!(
            matches!(store_error(&error), RocksdbLogStoreError::WriteFailed(_)),
            "{error}"
        );
    }
    let error = open_error(&db, GroupPrefixed::new(3));
    assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
}

#[tokio::test]
async fn a_callback_that_panics_disturbs_no_other_append() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("this waker panics, as the test wants");
        }
    }

    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));
    for index in 0..10 {
        await_append_with(Panics, &mut store, entry(1, index, "x")).await;
        other.blocking_append([entry(1, index, "x")]).await.unwrap();
    }
    store.blocking_append([entry(1, 10, "x")]).await.unwrap();
}

#[tokio::test]
async fn an_append_that_is_polled_while_it_waits_for_room_does_not_pile_up_wakers() {
    struct Blocks(Arc<Barrier>);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            self.0.wait();
            self.0.wait();
        }
    }
    struct Counts;
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {}
    }

    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let barrier = Arc::new(Barrier::new(2));
    await_append_with(Blocks(barrier.clone()), &mut store, entry(1, 0, "x")).await;
    barrier.wait();
    // The writer's thread is blocked in the callback now.
    let big = entry(1, 1, "x".repeat(33 << 20));
    store.append([big], IOFlushed::noop()).await.unwrap();

    let counts = Arc::new(Counts);
    let waker = counts.clone().into();
    let wakers;
    {
        let mut append = pin!(store.append([entry(1, 2, "x")], IOFlushed::noop()));
        for _ in 0..1000 {
            assert!(append.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        wakers = Arc::strong_count(&counts);
        barrier.wait();
        append.await.unwrap();
    }
    assert!(wakers < 10, "{wakers}");
    assert_eq!(store.try_get_log_entries(..).await.unwrap().len(), 3);
}
