//! A value that the group has not written causes an error, which names the place of the value and what is wrong with
//! it.

use std::error::Error;

use openraft_toolkit::codec::CodecError;
use openraft_toolkit::log_store::{
    GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, RecordId, RocksdbLogStore, RocksdbLogStoreError,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Store, Types, entries, entry, into_store_error, log_id, open, open_dir};
use tempfile::TempDir;

mod other {
    openraft_toolkit::declare_raft_types_ext! {
        /// A log with another type of commands, in the same database.
        pub Types: Node = (), AppData = u64, AppDataResponse = ()
    }
}

const KEYS: GroupPrefixed = GroupPrefixed::new(42);

/// A way in which a value is wrong.
struct Wrong {
    /// What is stored in place of the right value.
    change: fn(&[u8]) -> Vec<u8>,
    /// Returns whether the error is the right one.
    is_named: fn(&CodecError) -> bool,
    message: &'static str,
}

const WRONG: [Wrong; 5] = [
    // A newer version.
    Wrong {
        change: |good| [&[9], &good[1..]].concat(),
        is_named: |e| matches!(e, CodecError::Version { expected: 1, actual: 9 }),
        message: "frame version 9, expected 1",
    },
    // The value of another program, which begins with the byte 123.
    Wrong {
        change: |_| b"{\"json\": true}".to_vec(),
        is_named: |e| {
            matches!(
                e,
                CodecError::Version {
                    expected: 1,
                    actual: 123
                }
            )
        },
        message: "frame version 123, expected 1",
    },
    // Cut short.
    Wrong {
        change: |good| good[..good.len() - 1].to_vec(),
        is_named: |e| matches!(e, CodecError::Decode(_)),
        message: "unexpected end, at least 1 more bytes expected",
    },
    // Too long.
    Wrong {
        change: |good| [good, &[0]].concat(),
        is_named: |e| matches!(e, CodecError::TrailingBytes { extra: 1 }),
        message: "1 bytes follow the body",
    },
    // Empty.
    Wrong {
        change: |_| Vec::new(),
        is_named: |e| matches!(e, CodecError::Empty),
        message: "empty frame: the version byte is missing",
    },
];

/// Returns the messages of `e` and of its sources.
fn chain(e: &dyn Error) -> String {
    match e.source() {
        Some(source) => format!("{e}: {}", chain(source)),
        None => e.to_string(),
    }
}

/// Opens the group and reads its log.
async fn read(db: &std::sync::Arc<rocksdb::DB>) -> Result<(), RocksdbLogStoreError> {
    let mut store = Store::open(db.clone(), LOG_CF, META_CF, KEYS)?;
    let entries = store.try_get_log_entries(..).await;
    entries.map(drop).map_err(into_store_error)
}

#[tokio::test]
async fn a_value_that_the_group_has_not_written_is_an_error_that_says_where_and_what_it_is() {
    let (mut wrong_values, mut taken) = (0, 0);
    for Wrong {
        change,
        is_named,
        message,
    } in WRONG
    {
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
            store.save_committed(Some(log_id(1, 2))).await.unwrap();
            store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
            drop(store);

            let (cf, key) = match record {
                RecordId::Entry(index) => (LOG_CF, KEYS.log_key(index).as_ref().to_vec()),
                RecordId::Meta(label) => (META_CF, KEYS.meta_key(label).as_ref().to_vec()),
            };
            let cf = db.cf_handle(cf).unwrap();
            let good = db.get_cf(&cf, &key).unwrap().unwrap();
            db.put_cf(&cf, &key, change(&good)).unwrap();
            wrong_values += 1;

            let Err(error) = read(&db).await else {
                eprintln!("{record}: {:?} is taken for a record", change(&good));
                taken += 1;
                continue;
            };
            let text = chain(&error);
            assert!(text.contains("group_id: 42"), "{text}");
            assert!(text.contains(&record.to_string()), "{text}");
            assert!(text.ends_with(message), "{text}");
            let RocksdbLogStoreError::Corrupt {
                record: found,
                key: found_key,
                source,
                ..
            } = error
            else {
                panic!("{error:?}");
            };
            assert_eq!((found, found_key), (record, key));
            assert!(is_named(&source), "{source:?}");
        }
    }
    println!("wrong values: {wrong_values}, {taken} taken for a record");
    assert_eq!(taken, 0);
}

#[tokio::test]
async fn another_type_config_is_an_error_as_far_as_its_bytes_differ() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    open(&db, KEYS).blocking_append(entries(1, 0..=3)).await.unwrap();

    let error = RocksdbLogStore::<other::Types, _>::open(db.clone(), LOG_CF, META_CF, KEYS).unwrap_err();

    assert!(chain(&error).contains("the entry at index 3"), "{error}");

    // This is the limit: bincode writes no types. The empty string and zero are both one byte of zero.
    let keys = GroupPrefixed::new(43);
    open(&db, keys).blocking_append([entry(1, 0, "")]).await.unwrap();
    RocksdbLogStore::<other::Types, _>::open(db, LOG_CF, META_CF, keys).unwrap();
}
