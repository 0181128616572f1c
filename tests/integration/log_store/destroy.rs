//! Destroying a group removes all its records, and nothing else.

use openraft_toolkit::log_store::{GroupKeys, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, groups};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Store, Types, entries, entry, open, open_dir};
use rocksdb::DB;
use tempfile::TempDir;

use super::written_group::write_group;

#[tokio::test]
async fn a_group_is_destroyed_as_a_whole_and_no_other_is_touched() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let ids = [0, 1, 2, 3, u64::MAX - 1, u64::MAX];
    for id in ids {
        drop(write_group(&db, GroupPrefixed::new(id)).await);
    }
    for destroyed in [2, 0, u64::MAX] {
        let keys = GroupPrefixed::new(destroyed);
        Store::destroy(db.clone(), LOG_CF, META_CF, keys).unwrap();
        let mut blank = open(&db, keys);
        assert_eq!(blank.read_vote().await.unwrap(), None);
        assert_eq!(blank.read_committed().await.unwrap(), None);
        let state = blank.get_log_state().await.unwrap();
        assert_eq!((state.last_purged_log_id, state.last_log_id), (None, None));
    }
    let found = groups::<Types>(&db, LOG_CF, META_CF).unwrap();
    let left: Vec<GroupKeys> = found.iter().map(|group| group.keys).collect();
    assert_eq!(left, [1, 3, u64::MAX - 1].map(GroupKeys::Prefixed));
    for id in [1, 3, u64::MAX - 1] {
        let read = open(&db, GroupPrefixed::new(id)).try_get_log_entries(..).await.unwrap();
        assert_eq!(read, [entries(1, 5..=5), entries(2, 6..=9)].concat());
    }
    // Destroying a group that is already gone does nothing.
    Store::destroy(db, LOG_CF, META_CF, GroupPrefixed::new(2)).unwrap();
}

#[tokio::test]
async fn a_group_that_is_open_is_not_destroyed() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = GroupPrefixed::new(1);
    let mut store = write_group(&db, keys).await;
    let reader = store.get_log_reader().await;
    drop(store);
    let error = Store::destroy(db.clone(), LOG_CF, META_CF, keys).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }));
    drop(reader);
    Store::destroy(db, LOG_CF, META_CF, keys).unwrap();
}

#[tokio::test]
async fn destroying_a_group_gives_its_space_back() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    for id in [1, 2] {
        let mut store = open(&db, GroupPrefixed::new(id));
        let large = (0..64).map(|index| entry(1, index, "x".repeat(64 << 10)));
        store.blocking_append(large).await.unwrap();
    }
    let bytes = |db: &DB| -> usize { db.live_files().unwrap().iter().map(|file| file.size).sum() };
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    let both = bytes(&db);
    assert!(both > 8 << 20, "{both} bytes of two groups");
    Store::destroy(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(1)).unwrap();
    let one = bytes(&db);
    assert!(one < both * 6 / 10, "{one} of {both} bytes left");
}

/// Destroying a group is one write, so that a crash leaves either the whole group or nothing of it.
#[tokio::test]
async fn a_destroyed_group_stays_destroyed_after_a_crash() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = GroupPrefixed::new(1);
    drop(write_group(&db, keys).await);
    Store::destroy(db.clone(), LOG_CF, META_CF, keys).unwrap();
    // Take the files as a crash leaves them, before the database is closed.
    let crashed = Image::of(&dir).write();
    let db = open_dir(&crashed);
    assert!(groups::<Types>(&db, LOG_CF, META_CF).unwrap().is_empty());
}
