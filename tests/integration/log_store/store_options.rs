//! The options that all log stores of a database share.

use std::fs;
use std::sync::Arc;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, StoreOptions};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Store, Types, entries, entry, open, open_counting, open_dir, open_with};
use rocksdb::DB;
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

fn refused(db: &Arc<DB>, options: StoreOptions) -> RocksdbLogStoreError {
    Store::open_with(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(99), options).unwrap_err()
}

#[test]
fn the_first_store_decides_and_a_later_one_that_differs_is_told_both_values() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let small = StoreOptions::default().queue_bytes(1 << 20);
    {
        let _first = open_with(&db, GroupPrefixed::new(1), small.clone());
        let _unset = open(&db, GroupPrefixed::new(2));
        let _same = open_with(&db, GroupPrefixed::new(3), small.clone());
        let _default_of_another = open_with(&db, GroupPrefixed::new(4), StoreOptions::default().tail_bytes(32 << 20));

        for (options, option, in_use, asked) in [
            (
                StoreOptions::default().queue_bytes(2 << 20),
                "queue_bytes",
                "1048576",
                "2097152",
            ),
            (StoreOptions::default().tail_bytes(1), "tail_bytes", "33554432", "1"),
            (
                StoreOptions::default().lose_data_on_power_failure_for_tests(true),
                "lose_data_on_power_failure_for_tests",
                "false",
                "true",
            ),
        ] {
            let error = refused(&db, options);
            let message = error.to_string();
            assert!(
                matches!(error, RocksdbLogStoreError::ConflictingOptions { .. }),
                "{error}"
            );
            for part in [option, in_use, asked] {
                assert!(message.contains(part), "{message}");
            }
        }
        // The refused store has left nothing behind.
        let _open = open(&db, GroupPrefixed::new(99));
    }
    // All stores are dropped, so that the next one decides.
    let _first = open(&db, GroupPrefixed::new(1));
    let error = refused(&db, small);
    assert!(
        matches!(error, RocksdbLogStoreError::ConflictingOptions { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn without_memory_for_tails_entries_are_read_from_rocksdb() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let mut store = open_with(&db, Flat, StoreOptions::default().tail_bytes(0));
    store.blocking_append(entries(1, 0..=9)).await.unwrap();

    let before = options.get_ticker_count(Ticker::NumberDbSeek);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=9));
    assert_eq!(options.get_ticker_count(Ticker::NumberDbSeek) - before, 1);
}

#[tokio::test]
async fn an_idle_group_gives_memory_back_when_other_groups_are_opened() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let seeks = || options.get_ticker_count(Ticker::NumberDbSeek);
    let mut idle = open_with(&db, GroupPrefixed::new(0), StoreOptions::default().tail_bytes(8 << 20));
    idle.blocking_append([entry(1, 0, "x".repeat(3 << 20))]).await.unwrap();
    let mut is_in_memory = async || {
        let before = seeks();
        assert_eq!(idle.try_get_log_entries(..).await.unwrap().len(), 1);
        seeks() == before
    };
    assert!(is_in_memory().await);
    {
        // The share of each of two groups is 4 MiB, and that of three or four 2 MiB.
        let _second = open(&db, GroupPrefixed::new(1));
        assert!(is_in_memory().await);
    }
    for id in 1..=10 {
        // Groups that are closed again need no memory.
        open(&db, GroupPrefixed::new(id));
    }
    assert!(is_in_memory().await);
    let _others = [1, 2].map(|id| open(&db, GroupPrefixed::new(id)));
    assert!(!is_in_memory().await);
}

#[tokio::test]
async fn a_store_that_loses_data_on_a_power_failure_syncs_nothing_and_claims_nothing() {
    let dir = TempDir::new().unwrap();
    let unsynced = StoreOptions::default().lose_data_on_power_failure_for_tests(true);
    let vote = VoteOf::<Types>::new(3, 1);
    {
        let (db, options) = open_counting(&dir);
        let mut store = open_with(&db, Flat, unsynced);
        let (before, opened) = (options.get_ticker_count(Ticker::WalFileSynced), Image::of(&dir));
        for index in 0..=9 {
            store.blocking_append(entries(1, index..=index)).await.unwrap();
        }
        store.save_vote(&vote).await.unwrap();
        store.blocking_append([]).await.unwrap();
        assert_eq!(options.get_ticker_count(Ticker::WalFileSynced), before);

        // After a power failure, the database is as it was when it was opened.
        let now = Image::of(&dir);
        assert_eq!(now.0[ACCOUNT], opened.0[ACCOUNT]);
        let wal = now.newest_wal();
        let after_power_cut = now.with(wal, Some(opened.0[wal].clone())).write();
        let mut store = open(&open_dir(&after_power_cut), Flat);
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), []);

        // So it is if RocksDB has flushed, and has deleted the WAL that the account names.
        for cf in [LOG_CF, META_CF] {
            db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
        }
    }
    // A process that ends without a power failure loses nothing.
    let mut store = open(&open_dir(&dir), Flat);
    assert_eq!(store.read_vote().await.unwrap(), Some(vote));
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=9));
    // Without the option, a store syncs again.
    store.blocking_append([entry(1, 10, "x")]).await.unwrap();
    let account = fs::read(dir.path().join(ACCOUNT)).unwrap();
    store.blocking_append([entry(1, 11, "x")]).await.unwrap();
    assert_ne!(fs::read(dir.path().join(ACCOUNT)).unwrap(), account);
}
