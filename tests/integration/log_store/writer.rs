//! The queue and the writer's thread, which all groups of a database share.

use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, db_options};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit_tests::log::{
    Types, entries, entry, log_id, open, open_counting, open_dir, open_error, store_error,
};
use rocksdb::DB;
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

use super::blocked_writer::await_append_with;

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
async fn a_failed_write_is_final_for_as_long_as_the_database_object_lives() {
    let dir = TempDir::new().unwrap();
    drop(open(&open_dir(&dir), Flat));
    // This database refuses every write.
    let db = Arc::new(DB::open_cf_for_read_only(&db_options(), dir.path(), [LOG_CF, META_CF], false).unwrap());
    let mut store = open(&db, Flat);
    store.blocking_append([entry(1, 0, "x")]).await.unwrap_err();
    drop(store);

    for _ in 0..2 {
        let error = open_error(&db, Flat);
        assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
    }

    // Another object for the same files starts anew, whatever its address in memory is.
    drop(db);
    for _ in 0..10 {
        let mut store = open(&open_dir(&dir), Flat);
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_object_can_be_changed_once_its_stores_are_dropped() {
    let dir = TempDir::new().unwrap();
    let mut db = open_dir(&dir);
    for index in 0..10 {
        open(&db, Flat).blocking_append([entry(1, index, "x")]).await.unwrap();
        assert!(Arc::get_mut(&mut db).is_some());
    }
}
