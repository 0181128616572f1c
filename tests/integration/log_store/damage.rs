//! Missing or wrong records cause an error, never a shorter log without an error.

use futures_util::StreamExt;
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, RecordId, RocksdbLogStoreError,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Types, entries, log_id, open, open_dir, open_error, store_error};
use tempfile::TempDir;

#[tokio::test]
async fn a_hole_on_disk_is_an_error_and_never_a_shorter_log() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    store.purge(log_id(1, 1)).await.unwrap();
    drop(store);
    let delete = |index: u64| {
        let cf = db.cf_handle(LOG_CF).unwrap();
        db.delete_cf(&cf, Flat.log_key(index)).unwrap();
    };

    delete(5);
    let mut store = open(&db, Flat);
    assert_eq!(store.try_get_log_entries(0..5).await.unwrap(), entries(1, 2..=4));
    assert_eq!(store.try_get_log_entries(6..).await.unwrap(), entries(1, 6..=9));
    let error = store.try_get_log_entries(4..7).await.unwrap_err();
    assert!(
        matches!(store_error(&error), RocksdbLogStoreError::MissingEntry { index: 5, .. }),
        "{error}"
    );
    let read: Vec<_> = store.entries_stream(6..).await.collect().await;
    assert_eq!(read.len(), 4);
    drop(store);

    // The first entry after the purged entries is missing.
    delete(2);
    let error = open_error(&db, Flat);
    assert!(
        matches!(error, RocksdbLogStoreError::MissingEntry { index: 2, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_does_not_decode_is_an_error_that_names_the_group_and_the_record() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = GroupPrefixed::new(42);
    let mut store = open(&db, keys);
    store.blocking_append(entries(1, 0..=3)).await.unwrap();
    store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    drop(store);
    let put =
        |cf: &str, key: &dyn AsRef<[u8]>, value: &[u8]| db.put_cf(&db.cf_handle(cf).unwrap(), key, value).unwrap();

    // An entry in the middle of the log has a newer version.
    let good = db
        .get_cf(&db.cf_handle(LOG_CF).unwrap(), keys.log_key(1))
        .unwrap()
        .unwrap();
    put(LOG_CF, &keys.log_key(1), &[&[9], &good[1..]].concat());
    let mut store = open(&db, keys);
    let error = store.try_get_log_entries(..).await.unwrap_err();
    assert!(matches!(
        store_error(&error),
        RocksdbLogStoreError::Corrupt {
            record: RecordId::Entry(1),
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "GroupPrefixed { group_id: 42 }: the entry at index 1 cannot be decoded"
    );
    drop(store);

    // An entry is stored under the key of another entry.
    put(LOG_CF, &keys.log_key(2), &good);
    let mut store = open(&db, keys);
    let error = store.try_get_log_entries(2..3).await.unwrap_err();
    assert!(
        matches!(
            store_error(&error),
            RocksdbLogStoreError::Misplaced {
                index: 2,
                actual: 1,
                ..
            }
        ),
        "{error}"
    );
    drop(store);

    // One key belongs to no entry, and another record of the group is empty.
    put(LOG_CF, &[keys.log_key(3).as_ref(), b"?"].concat(), &good);
    put(META_CF, &keys.meta_key(MetaLabel::Committed), b"");
    let error = open_error(&db, keys);
    assert!(matches!(
        error,
        RocksdbLogStoreError::Corrupt {
            record: RecordId::Meta(MetaLabel::Committed),
            ..
        }
    ));

    // The other groups are intact.
    open(&db, GroupPrefixed::new(41));
    open(&db, GroupPrefixed::new(43));
}

/// The key has the form of no key space, so that opening a group does not find it.
#[tokio::test]
async fn a_key_among_those_of_a_group_that_is_not_its_own_is_an_error() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=2)).await.unwrap();
    drop(store);
    let foreign = [Flat.log_key(2).as_ref(), b"foreign"].concat();
    db.put_cf(&db.cf_handle(LOG_CF).unwrap(), &foreign, b"x").unwrap();

    let error = open_error(&db, Flat);

    assert!(
        matches!(&error, RocksdbLogStoreError::ForeignKey { key, .. } if *key == foreign),
        "{error}"
    );
    assert!(error.to_string().contains("is not a log key of this group"), "{error}");
}
