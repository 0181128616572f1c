//! The version at which a log store writes entries.

use openraft_toolkit::codec::WriteVersion;
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, LOG_CF, META_CF, RecordId, RocksdbLogStore, RocksdbLogStoreError,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorageExt};
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId};
use openraft_toolkit_tests::log::{open_as, open_dir};
use tempfile::TempDir;

use super::commands::{Command, Types, frames, leased, put, v1, versions};

type Entry = EntryOf<Types>;

fn entry(index: u64, command: Command) -> Entry {
    let leader = LeaderIdOf::<Types>::new(1, 1).to_committed();
    Entry::new(LogId::new(leader, index), EntryPayload::Normal(command))
}

#[tokio::test]
async fn each_store_writes_at_the_level_of_its_own_cell_and_without_one_at_the_newest() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = [1, 2, 3].map(GroupPrefixed::new);
    let (one, two) = (WriteVersion::new(1), WriteVersion::new(2));
    let mut stores = [
        open_as::<Types, _>(&db, keys[0]).with_write_version(one.clone()),
        open_as::<Types, _>(&db, keys[1]).with_write_version(two.clone()),
        open_as::<Types, _>(&db, keys[2]),
    ];

    for store in &mut stores {
        store.blocking_append([entry(0, put("a"))]).await.unwrap();
    }
    let frame = |body: &[u8]| [&[1, 1, 1, 0, 1], body].concat();
    assert_eq!(frames(&db, keys[0]), [frame(&[1, 0, 1, b'a'])]);
    assert_eq!(frames(&db, keys[1]), [frame(&[2, 0, 1, b'a', 0, 0])]);
    assert_eq!(frames(&db, keys[2]), [frame(&[3, 0, 1, b'a', 0, 0])]);

    // The level of one store is raised.
    one.raise(3).unwrap();
    for store in &mut stores {
        store.blocking_append([entry(1, put("b"))]).await.unwrap();
    }
    // A clone of a store writes at the level of that store.
    for store in &stores {
        store.clone().blocking_append([entry(2, put("c"))]).await.unwrap();
    }
    assert_eq!(versions(&db, keys[0]), [1, 3, 3]);
    assert_eq!(versions(&db, keys[1]), [2, 2, 2]);
    assert_eq!(versions(&db, keys[2]), [3, 3, 3]);

    // Entries of all levels read the same, from memory and from disk.
    let expected = [entry(0, put("a")), entry(1, put("b")), entry(2, put("c"))];
    for mut store in stores {
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), expected);
    }
    for keys in keys {
        assert_eq!(
            open_as::<Types, _>(&db, keys).try_get_log_entries(..).await.unwrap(),
            expected
        );
    }
}

#[tokio::test]
async fn a_command_that_the_level_cannot_hold_is_written_at_the_lowest_version_that_can() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open_as::<Types, _>(&db, Flat).with_write_version(WriteVersion::new(1));
    let log = [entry(0, put("a")), entry(1, leased("b")), entry(2, Command::Clear)];

    store.blocking_append(log.clone()).await.unwrap();

    assert_eq!(versions(&db, Flat), [1, 2, 3]);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), log);
    drop(store);
    assert_eq!(
        open_as::<Types, _>(&db, Flat).try_get_log_entries(..).await.unwrap(),
        log
    );
}

#[tokio::test]
async fn an_older_release_refuses_a_log_of_a_newer_one_and_leaves_it_as_it_is() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let log = [entry(0, put("a")), entry(1, Command::Clear)];
    open_as::<Types, _>(&db, Flat)
        .with_write_version(WriteVersion::new(1))
        .blocking_append(log.clone())
        .await
        .unwrap();
    let before = frames(&db, Flat);

    let error = RocksdbLogStore::<v1::Types, _>::open(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    let RocksdbLogStoreError::Corrupt { record, source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*record, RecordId::Entry(1));
    assert_eq!(
        source.to_string(),
        "cannot decode the body: `Command`: frame version 3 is not supported, only 1 to 1"
    );

    assert_eq!(frames(&db, Flat), before);
    assert_eq!(
        open_as::<Types, _>(&db, Flat).try_get_log_entries(..).await.unwrap(),
        log
    );
}
