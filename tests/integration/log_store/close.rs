//! Closing all log stores of a database.

use std::fs::File;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, StoreOptions, close, db_options,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::ACCOUNT;
use openraft_toolkit_tests::log::{
    Types, entries, entry, into_store_error, log_id, open, open_dir, open_error, open_with,
};
use openraft_toolkit_tests::node::DEADLINE;
use rocksdb::DB;
use tempfile::TempDir;
use tokio::time::timeout;

use super::blocked_writer::{BlockedWriter, WakeOrder};

#[tokio::test]
async fn after_close_everything_is_written_and_the_stores_refuse_what_comes_later() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    close(&db).await.unwrap();
    let mut store = open(&db, GroupPrefixed::new(1));
    let mut other = open(&db, GroupPrefixed::new(2));
    for index in 0..100 {
        store
            .append(entries(1, index..=index), IOFlushed::noop())
            .await
            .unwrap();
    }

    close(&db).await.unwrap();

    let later = async {
        [
            store.append(entries(1, 100..=100), IOFlushed::noop()).await,
            store.save_vote(&VoteOf::<Types>::new(1, 1)).await,
            store.truncate_after(None).await,
            store.purge(log_id(1, 1)).await,
            other.save_committed(None).await,
        ]
    };
    let later = timeout(DEADLINE, later)
        .await
        .expect("a call waits for a writer that has ended");
    for error in later.map(|result| into_store_error(result.unwrap_err())) {
        assert!(matches!(error, RocksdbLogStoreError::Closed), "{error}");
    }
    // Nothing of that is in memory either.
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=99));
    assert_eq!(store.read_vote().await.unwrap(), None);
    // The account is not locked any more.
    let account = File::open(dir.path().join(ACCOUNT)).unwrap();
    account.try_lock().unwrap();
    account.unlock().unwrap();

    close(&db).await.unwrap();
    let error = open_error(&db, GroupPrefixed::new(3));
    assert!(matches!(error, RocksdbLogStoreError::Closed), "{error}");

    drop((store, other));
    close(&db).await.unwrap();
    let mut store = open(&db, GroupPrefixed::new(1));
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=99));
    store.blocking_append(entries(1, 100..=100)).await.unwrap();
}

#[tokio::test]
async fn closing_does_not_block_and_can_be_given_up_and_repeated() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open_with(&db, GroupPrefixed::new(1), StoreOptions::default().queue_bytes(1 << 20));
    let mut other = open(&db, GroupPrefixed::new(2));
    let blocked = BlockedWriter::block(&mut store, entry(1, 0, "x")).await;
    store
        .append([entry(1, 1, "x".repeat(1 << 20))], IOFlushed::noop())
        .await
        .unwrap();
    let woken = WakeOrder::default();
    let waker = woken.waker("append");
    let mut waiting = pin!(other.append([entry(1, 0, "x")], IOFlushed::noop()));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

    {
        let mut closing = pin!(close(&db));
        assert!(
            closing
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    // An append that waits for room is refused at once.
    assert_eq!(woken.names(), ["append"]);
    let error = into_store_error(waiting.await.unwrap_err());
    assert!(matches!(error, RocksdbLogStoreError::Closed), "{error}");
    let error = into_store_error(store.save_committed(None).await.unwrap_err());
    assert!(matches!(error, RocksdbLogStoreError::Closed), "{error}");

    let mut closing = pin!(close(&db));
    assert!(
        closing
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(blocked);
    let (closed, again) = tokio::join!(closing, close(&db));
    closed.unwrap();
    again.unwrap();
    assert_eq!(store.try_get_log_entries(..).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_closed_dropped_and_opened_in_any_order() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    for round in 0..30 {
        let mut store = open(&db, Flat);
        store
            .append(entries(1, round..=round), IOFlushed::noop())
            .await
            .unwrap();
        let closing = {
            let db = db.clone();
            tokio::spawn(async move { close(&db).await })
        };
        drop(store);
        closing.await.unwrap().unwrap();
    }
    let mut store = open(&db, Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=29));
}

#[tokio::test]
async fn closing_reports_a_failed_write() {
    let dir = TempDir::new().unwrap();
    drop(open(&open_dir(&dir), Flat));
    // This database refuses every write.
    let db = Arc::new(DB::open_cf_for_read_only(&db_options(), dir.path(), [LOG_CF, META_CF], false).unwrap());
    let mut store = open(&db, Flat);
    store.append([entry(1, 0, "x")], IOFlushed::noop()).await.unwrap();

    for _ in 0..2 {
        let error = close(&db).await.unwrap_err();
        assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
    }
    let error = into_store_error(store.save_committed(None).await.unwrap_err());
    assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
    drop(store);
    let error = close(&db).await.unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::WriteFailed(_)), "{error}");
}
