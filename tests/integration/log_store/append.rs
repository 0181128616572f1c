//! Which entries may be appended to the log, and when entries are readable and durable.

use openraft_toolkit::log_store::{Flat, RocksdbLogStoreError};
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{entries, entry, log_id, open, open_dir, store_error};
use tempfile::TempDir;

#[tokio::test]
async fn appended_entries_are_readable_before_they_are_durable() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    let mut reader = store.get_log_reader().await;

    for index in 0..100 {
        store.append([entry(1, index, "x")], IOFlushed::noop()).await.unwrap();
        assert_eq!(
            reader.try_get_log_entries(index..).await.unwrap(),
            [entry(1, index, "x")]
        );
    }
}

#[tokio::test]
async fn an_append_with_a_hole_is_refused_and_nothing_of_it_is_kept() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();

    for bad in [
        vec![entry(1, 6, "x")],
        vec![entry(1, 4, "x")],
        vec![entry(1, 5, "x"), entry(1, 7, "x")],
    ] {
        let error = store.append(bad, IOFlushed::noop()).await.unwrap_err();
        assert!(
            matches!(store_error(&error), RocksdbLogStoreError::NotConsecutive { .. }),
            "{error}"
        );
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
    }
    store.blocking_append(entries(1, 5..=6)).await.unwrap();
}

#[tokio::test]
async fn an_empty_append_still_reports_that_all_before_it_is_durable() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append([]).await.unwrap();
    store.blocking_append(entries(1, 0..=1)).await.unwrap();
    store.truncate_after(Some(log_id(1, 0))).await.unwrap();
    store.blocking_append([]).await.unwrap();
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=0));
}

#[tokio::test]
async fn after_a_purge_the_log_goes_on_right_behind_it() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    // A snapshot may cover entries that the log never had.
    store.purge(log_id(1, 9)).await.unwrap();

    for index in [9, 11] {
        let error = store
            .append([entry(1, index, "x")], IOFlushed::noop())
            .await
            .unwrap_err();
        assert!(
            matches!(
                store_error(&error),
                RocksdbLogStoreError::NotConsecutive { expected: 10, .. }
            ),
            "{error}"
        );
    }
    store.blocking_append(entries(2, 10..=11)).await.unwrap();
    drop(store);
    let mut store = open(&db, Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(2, 10..=11));
}
