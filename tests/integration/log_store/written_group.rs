//! Writes a group for tests that inspect or destroy it.

use std::sync::Arc;

use openraft_toolkit::log_store::KeySpace;
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Store, Types, entries, log_id, open};
use rocksdb::DB;

pub fn vote(term: u64) -> VoteOf<Types> {
    VoteOf::<Types>::new_committed(term, 1)
}

/// Writes a group whose entries 0 to 4 are purged, and which holds the entries 5 to 9.
pub async fn write_group<K: KeySpace>(db: &Arc<DB>, keys: K) -> Store<K> {
    let mut store = open(db, keys);
    store.save_vote(&vote(2)).await.unwrap();
    store.blocking_append(entries(1, 0..=5)).await.unwrap();
    store.blocking_append(entries(2, 6..=9)).await.unwrap();
    store.save_committed(Some(log_id(2, 8))).await.unwrap();
    store.purge(log_id(1, 4)).await.unwrap();
    // Saving the vote syncs the purge and the committed log id too.
    store.save_vote(&vote(2)).await.unwrap();
    store
}
