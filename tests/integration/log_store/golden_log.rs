//! The bytes in RocksDB. If any of these bytes changes, existing databases become unreadable.

use std::sync::Arc;

use openraft_toolkit::log_store::{Flat, GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::{EntryPayload, Membership};
use openraft_toolkit_tests::log::{Entry, Types, entry, log_id, open, open_dir};
use rocksdb::{DB, IteratorMode};
use tempfile::TempDir;

#[test]
fn flat_keys_are_the_big_endian_index_and_the_label() {
    assert_eq!(Flat.log_key(0x0102_0304_0506_0708).as_ref(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(Flat.meta_key(MetaLabel::Vote).as_ref(), b"vote");
    assert_eq!(Flat.meta_key(MetaLabel::Committed).as_ref(), b"committed");
    assert_eq!(Flat.meta_key(MetaLabel::LastPurged).as_ref(), b"last_purged");
}

#[test]
fn group_keys_put_the_big_endian_group_id_first() {
    let keys = GroupPrefixed::new(0x1112_1314_1516_1718);
    let index = 0x0102_0304_0506_0708;
    let expected = [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(keys.log_key(index).as_ref(), expected);
    assert_eq!(
        keys.meta_key(MetaLabel::Vote).as_ref(),
        b"\x11\x12\x13\x14\x15\x16\x17\x18/vote"
    );
    assert_eq!(
        keys.meta_key(MetaLabel::Committed).as_ref(),
        b"\x11\x12\x13\x14\x15\x16\x17\x18/committed"
    );
    assert_eq!(
        keys.meta_key(MetaLabel::LastPurged).as_ref(),
        b"\x11\x12\x13\x14\x15\x16\x17\x18/last_purged"
    );

    assert_eq!(keys.log_index(&expected), Some(index));
    assert_eq!(GroupPrefixed::new(1).log_index(&expected), None);
    assert_eq!(keys.log_index(&expected[1..]), None);
    assert_eq!(Flat.log_index(&[]), None);
}

fn dump(db: &Arc<DB>, cf: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let items = db.iterator_cf(&db.cf_handle(cf).unwrap(), IteratorMode::Start);
    items
        .map(Result::unwrap)
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

#[tokio::test]
async fn every_value_is_a_frame_of_version_1() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    let membership = Membership::new_with_defaults(vec![[1, 2].into()], [3]);
    let log = [
        Entry::new(log_id(1, 5), EntryPayload::Blank),
        entry(300, 6, "put"),
        Entry::new(log_id(300, 7), EntryPayload::Membership(membership)),
    ];
    store.purge(log_id(1, 4)).await.unwrap();
    store.blocking_append(log).await.unwrap();
    store.save_committed(Some(log_id(300, 6))).await.unwrap();
    store.save_vote(&VoteOf::<Types>::new_committed(300, 2)).await.unwrap();
    drop(store);

    let key = |index: u64| index.to_be_bytes().to_vec();
    let frame = |body: &[u8]| [&[1], body].concat();
    // A log id is the term, the node id and the index. The byte 251 starts a varint of 16 bits.
    assert_eq!(
        dump(&db, LOG_CF),
        [
            (key(5), frame(&[1, 1, 5, 0])),
            (key(6), frame(&[251, 44, 1, 1, 6, 1, 3, b'p', b'u', b't'])),
            (key(7), frame(&[251, 44, 1, 1, 7, 2, 1, 2, 1, 2, 3, 1, 2, 3])),
        ]
    );
    assert_eq!(
        dump(&db, META_CF),
        [
            (b"committed".to_vec(), frame(&[251, 44, 1, 1, 6])),
            (b"last_purged".to_vec(), frame(&[1, 1, 4])),
            (b"vote".to_vec(), frame(&[251, 44, 1, 2, 1])),
        ]
    );
}
