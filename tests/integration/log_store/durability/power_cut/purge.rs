//! A purge past the last entry, as openraft makes it after it has installed a snapshot.

use openraft_toolkit::log_store::{Flat, LogDbOptions, RocksdbLogStoreError, open_db};
use openraft_toolkit::openraft::alias::LogIdOf;
use openraft_toolkit::openraft::storage::{LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Store, Types, entries, log_id, open, open_counting, open_dir};
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

/// Purges `store`, whose database is in `dir`, up to `end`, and checks that the purge was durable when it returned: it is
/// there after a restart, and a disk without it is damaged.
async fn purge_durably(dir: &TempDir, store: &mut Store<Flat>, end: LogIdOf<Types>) {
    let before = Image::of(dir);
    store.purge(end).await.unwrap();
    let after = Image::of(dir);

    let restarted = after.write();
    let mut restarted = open(&open_dir(&restarted), Flat);
    let purged = LogState {
        last_purged_log_id: Some(end),
        last_log_id: Some(end),
    };
    assert_eq!(restarted.get_log_state().await.unwrap(), purged);
    assert_eq!(restarted.try_get_log_entries(..).await.unwrap(), []);

    let wal = before.newest_wal();
    let without_the_purge = after.with(wal, before.0.get(wal).cloned()).write();
    let refused = open_db(&without_the_purge, LogDbOptions::default());
    assert!(
        matches!(refused, Err(RocksdbLogStoreError::Damaged { .. })),
        "{refused:?}"
    );
}

/// Two of these purges remove entries of a later term than the end of the snapshot. openraft would not purge such entries
/// at the next start.
#[tokio::test]
async fn a_purge_past_the_last_entry_is_durable_when_it_returns() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    store.blocking_append(entries(3, 5..=10)).await.unwrap();

    purge_durably(&dir, &mut store, log_id(2, 15)).await;
    store.blocking_append(entries(5, 16..=17)).await.unwrap();
    purge_durably(&dir, &mut store, log_id(4, 17)).await;
    store.blocking_append(entries(5, 18..=18)).await.unwrap();
    purge_durably(&dir, &mut store, log_id(6, 20)).await;
}

/// A blank node that installs a snapshot has no entries.
#[tokio::test]
async fn a_purge_of_an_empty_log_is_durable_when_it_returns() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);

    purge_durably(&dir, &mut store, log_id(2, 15)).await;
}

/// If a crash undoes this purge, openraft purges the entries again. So the call need not wait for a sync.
#[tokio::test]
async fn a_purge_within_the_log_and_one_that_is_repeated_do_not_sync() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=10)).await.unwrap();
    let syncs = || options.get_ticker_count(Ticker::WalFileSynced);

    let before = syncs();
    store.purge(log_id(1, 4)).await.unwrap();
    store.purge(log_id(1, 10)).await.unwrap();
    store.purge(log_id(1, 10)).await.unwrap();
    store.purge(log_id(9, 7)).await.unwrap();
    assert_eq!(syncs(), before);

    store.purge(log_id(1, 11)).await.unwrap();
    assert_eq!(syncs(), before + 1);
}
