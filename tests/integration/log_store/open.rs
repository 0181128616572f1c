//! Opening a store: what the store holds after the last handle was dropped, and what is refused.

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, LogDbOptions, META_CF, RocksdbLogStoreError, open_db};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft_toolkit_tests::log::{Store, Types, entries, log_id, open, open_dir};
use tempfile::TempDir;

#[tokio::test]
async fn everything_is_there_after_the_last_handle_is_dropped_and_the_path_reopened_at_once() {
    let dir = TempDir::new().unwrap();
    let vote = VoteOf::<Types>::new_committed(3, 1);
    for round in 0..20 {
        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        let first = round * 10;
        // Only dropping the store waits for these entries.
        store
            .append(entries(1, first..=first + 9), IOFlushed::noop())
            .await
            .unwrap();
        store.save_committed(Some(log_id(1, first))).await.unwrap();
        if round > 0 {
            store.purge(log_id(1, first - 5)).await.unwrap();
        }
        store.save_vote(&vote).await.unwrap();
        drop(store);

        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        assert_eq!(store.read_vote().await.unwrap(), Some(vote));
        assert_eq!(store.read_committed().await.unwrap(), Some(log_id(1, first)));
        let state = store.get_log_state().await.unwrap();
        assert_eq!(state.last_log_id, Some(log_id(1, first + 9)));
        assert_eq!(
            state.last_purged_log_id,
            (round > 0).then(|| log_id(1, first.saturating_sub(5)))
        );
        let kept = if round > 0 { first - 4 } else { 0 };
        assert_eq!(
            store.try_get_log_entries(..).await.unwrap(),
            entries(1, kept..=first + 9)
        );
    }
}

#[test]
fn a_column_family_that_is_missing_or_shared_is_named() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let error = Store::open(db.clone(), "nope", META_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "nope"));
    let error = Store::open(db.clone(), LOG_CF, "neither", Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "neither"));
    let error = Store::open(db, LOG_CF, LOG_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::SharedColumnFamily(name) if name == LOG_CF));
}

#[test]
fn a_database_that_must_exist_is_not_created() {
    let dir = TempDir::new().unwrap();
    let options = LogDbOptions::default().create_if_missing(false);
    let error = open_db(dir.path().join("unmounted"), options).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
    assert!(!dir.path().join("unmounted/CURRENT").exists());
}
