//! A purge past the last entry, as openraft makes it after it has installed a snapshot.

use openraft_toolkit::log_store::Flat;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{entries, log_id, open, open_counting, open_dir};
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

/// Returns `image` as a power failure leaves it that loses all of the newest WAL that is not known to be durable.
fn without_what_is_not_durable(image: &Image) -> Image {
    let account = String::from_utf8(image.0[ACCOUNT].clone()).unwrap();
    let length = account
        .split_whitespace()
        .find_map(|field| field.strip_prefix("length="))
        .and_then(|length| length.parse().ok())
        .unwrap_or_else(|| panic!("no length in {account:?}"));
    let wal = image.newest_wal();
    let durable = image.0[wal][..length].to_vec();
    image.with(wal, Some(durable))
}

/// The old entries are of a later term than the snapshot's end, so that openraft would not purge them at the next start.
#[tokio::test]
async fn a_purge_past_the_last_entry_outlives_a_power_failure() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    store.blocking_append(entries(3, 5..=10)).await.unwrap();

    for (end, next) in [
        (log_id(2, 15), 16..=17),
        (log_id(3, 20), 21..=21),
        (log_id(4, 21), 22..=22),
    ] {
        store.purge(end).await.unwrap();
        let image = without_what_is_not_durable(&Image::of(&dir));

        let dir = image.write();
        let db = open_dir(&dir);
        let mut restarted = open(&db, Flat);
        let state = restarted.get_log_state().await.unwrap();
        assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(end), Some(end)));
        assert_eq!(restarted.try_get_log_entries(..).await.unwrap(), []);
        restarted.blocking_append(entries(5, next.clone())).await.unwrap();

        store.blocking_append(entries(3, next)).await.unwrap();
    }
}

/// A blank node that installs a snapshot has no entry that the purge could remove.
#[tokio::test]
async fn a_purge_of_an_empty_log_outlives_a_power_failure() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    open(&db, Flat).purge(log_id(2, 15)).await.unwrap();

    let dir = without_what_is_not_durable(&Image::of(&dir)).write();
    let db = open_dir(&dir);
    let state = open(&db, Flat).get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(2, 15)));
}

/// openraft purges such entries again if a crash undoes the purge, so that nobody need wait for the disk.
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
