//! A value that is not this group's gives an error that says where it is and what was found.

use std::error::Error;

use openraft_toolkit::codec::CodecError;
use openraft_toolkit::log_store::{
    GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, RecordId, RocksdbLogStore, RocksdbLogStoreError,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use tempfile::TempDir;

use crate::log_store::{Store, Types, entries, open, open_dir};

mod other {
    openraft_toolkit::declare_raft_types_ext! {
        /// A log of other things, on the same disk.
        pub Types: Node = (), AppData = u64, AppDataResponse = ()
    }
}

const KEYS: GroupPrefixed = GroupPrefixed::new(42);

/// What is stored instead of the right value.
type Change = &'static dyn Fn(&[u8]) -> Vec<u8>;

fn chain(e: &dyn Error) -> String {
    match e.source() {
        Some(source) => format!("{e}: {}", chain(source)),
        None => e.to_string(),
    }
}

#[tokio::test]
async fn a_value_that_is_not_this_groups_is_an_error_that_says_where_and_what_it_is() {
    let wrong: [(&str, Change); 5] = [
        ("version 9", &|good| [&[9], &good[1..]].concat()),
        ("version 123", &|_| b"{\"json\": true}".to_vec()),
        ("", &|good| good[..good.len() - 1].to_vec()),
        ("", &|good| [good, &[0]].concat()),
        ("", &|_| Vec::new()),
    ];
    let mut count = 0;
    for (said, change) in wrong {
        for record in [
            RecordId::Entry(1),
            RecordId::Entry(3),
            RecordId::Meta(MetaLabel::Vote),
            RecordId::Meta(MetaLabel::Committed),
        ] {
            let dir = TempDir::new().unwrap();
            let db = open_dir(&dir);
            let mut store = open(&db, KEYS);
            store.blocking_append(entries(1, 0..=3)).await.unwrap();
            store
                .save_committed(Some(crate::log_store::log_id(1, 2)))
                .await
                .unwrap();
            store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
            drop(store);
            let (cf, key) = match record {
                RecordId::Entry(index) => (LOG_CF, KEYS.log_key(index).as_ref().to_vec()),
                RecordId::Meta(label) => (META_CF, KEYS.meta_key(label).as_ref().to_vec()),
            };
            let cf = db.cf_handle(cf).unwrap();
            let good = db.get_cf(&cf, &key).unwrap().unwrap();
            db.put_cf(&cf, &key, change(&good)).unwrap();

            let error = match Store::open(db.clone(), LOG_CF, META_CF, KEYS) {
                Err(e) => e,
                Ok(mut store) => {
                    let e = store.try_get_log_entries(..).await.unwrap_err();
                    *e.into_inner().unwrap().downcast().unwrap()
                }
            };
            let message = chain(&error);
            assert!(
                message.contains("group_id: 42") && message.contains(&record.to_string()),
                "{message}"
            );
            assert!(message.contains(said), "{message}");
            match error {
                RocksdbLogStoreError::Corrupt {
                    record: found,
                    key: found_key,
                    source,
                    ..
                } => {
                    assert_eq!((found, found_key), (record, key));
                    if !said.is_empty() {
                        assert!(matches!(source, CodecError::Version { .. }), "{source:?}");
                    }
                }
                e => panic!("{e:?}"),
            }
            count += 1;
        }
    }
    println!("wrong values: {count}, 0 taken for a record");
}

#[tokio::test]
async fn another_type_config_is_an_error_as_far_as_its_bytes_differ() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    open(&db, KEYS).blocking_append(entries(1, 0..=3)).await.unwrap();
    let error = RocksdbLogStore::<other::Types, _>::open(db.clone(), LOG_CF, META_CF, KEYS).unwrap_err();
    assert!(chain(&error).contains("the entry at index 3"), "{error}");

    // This is the limit: bincode says nothing of types. The empty string and zero are both a byte
    // of zero.
    let keys = GroupPrefixed::new(43);
    let empty = crate::log_store::entry(1, 0, "");
    open(&db, keys).blocking_append([empty]).await.unwrap();
    RocksdbLogStore::<other::Types, _>::open(db, LOG_CF, META_CF, keys).unwrap();
}
