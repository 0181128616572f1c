//! Many groups in one database.

use std::sync::Arc;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, RocksdbLogStoreError, db_options};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Store, Types, entries, log_id, open, open_dir, open_error};
use rocksdb::DB;
use tempfile::TempDir;

#[tokio::test]
async fn groups_with_adjacent_and_extreme_ids_never_touch_each_other() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let ids = [0, 1, 2, 255, 256, u64::MAX - 1, u64::MAX];
    let mut stores: Vec<_> = ids.iter().map(|id| open(&db, GroupPrefixed::new(*id))).collect();
    for store in &mut stores {
        store.blocking_append(entries(1, 0..=9)).await.unwrap();
    }

    stores[1].truncate_after(None).await.unwrap();
    stores[3].purge(log_id(1, u64::MAX)).await.unwrap();
    stores[5].purge(log_id(1, 4)).await.unwrap();
    stores[6].truncate_after(Some(log_id(1, 4))).await.unwrap();
    stores[2].save_vote(&VoteOf::<Types>::new(9, 9)).await.unwrap();
    drop(stores);

    let mut read = Vec::new();
    for id in ids {
        read.push(open(&db, GroupPrefixed::new(id)).try_get_log_entries(..).await.unwrap());
        let vote = open(&db, GroupPrefixed::new(id)).read_vote().await.unwrap();
        assert_eq!(vote.is_some(), id == 2);
    }
    let all = entries(1, 0..=9);
    let expected = [
        all.clone(),
        vec![],
        all.clone(),
        vec![],
        all.clone(),
        all[5..].to_vec(),
        all[..5].to_vec(),
    ];
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_group_has_one_store_at_a_time() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    let reader = store.get_log_reader().await;

    let error = open_error(&db, GroupPrefixed::new(1));
    assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }), "{error}");
    open(&db, GroupPrefixed::new(2));

    // The writer continues for another group. The new store finds the operations that the old store left in the queue.
    let _other = open(&db, GroupPrefixed::new(3));
    store.append(entries(1, 0..=99), IOFlushed::noop()).await.unwrap();
    drop(store);
    open_error(&db, GroupPrefixed::new(1));
    drop(reader);
    assert_eq!(
        open(&db, GroupPrefixed::new(1))
            .try_get_log_entries(..)
            .await
            .unwrap()
            .len(),
        100
    );
}

#[test]
fn two_groups_never_share_a_column_family_where_their_keys_are_the_same() {
    let dir = TempDir::new().unwrap();
    let column_families = ["log 1", "log 2", "meta 1", "meta 2"];
    let db = Arc::new(DB::open_cf(&db_options(), dir.path(), column_families).unwrap());
    let open = |log, meta| Store::open(db.clone(), log, meta, Flat);

    let one = open("log 1", "meta 1").unwrap();
    for (log, meta) in [("log 1", "meta 1"), ("log 1", "meta 2"), ("log 2", "meta 1")] {
        let error = open(log, meta).unwrap_err();
        assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }), "{error}");
    }
    // An opening that is refused leaves no claim behind.
    let two = open("log 2", "meta 2").unwrap();
    drop((one, two));
    open("log 1", "meta 2").unwrap();
}
