//! What operators ask about a database: which groups it has, what the groups hold, and whether they are intact.

use std::ops::Bound;

use openraft_toolkit::encode;
use openraft_toolkit::log_store::{
    Flat, GroupKeys, GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, Problem, RocksdbLogStoreError, groups,
    open_db_read_only, stored_entries, verify,
};
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Entry, Types, entries, entry, log_id, open, open_dir};
use rocksdb::DB;
use tempfile::TempDir;

use super::written_group::{vote, write_group};

fn put<K: KeySpace>(db: &DB, keys: K, index: u64, entry: &Entry) {
    let value = encode(1, entry).unwrap();
    db.put_cf(&db.cf_handle(LOG_CF).unwrap(), keys.log_key(index), value)
        .unwrap();
}

fn delete<K: KeySpace>(db: &DB, keys: K, index: u64) {
    db.delete_cf(&db.cf_handle(LOG_CF).unwrap(), keys.log_key(index))
        .unwrap();
}

/// Returns the messages of all problems of a group.
fn problems(db: &DB, group: GroupKeys) -> Vec<String> {
    let verified = verify::<Types>(db, LOG_CF, META_CF, Some(group)).unwrap();
    let [verified] = &verified[..] else {
        panic!("one group: {verified:?}")
    };
    assert_eq!(verified.keys, group);
    verified.problems.iter().map(Problem::to_string).collect()
}

#[tokio::test]
async fn groups_are_listed_with_what_is_stored_of_each() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    assert!(groups::<Types>(&db, LOG_CF, META_CF).unwrap().is_empty());

    for id in [u64::MAX, 0, 1] {
        drop(write_group(&db, GroupPrefixed::new(id)).await);
    }
    // Group 7 has only a vote, and all entries of group 8 are purged.
    open(&db, GroupPrefixed::new(7)).save_vote(&vote(3)).await.unwrap();
    let mut purged = write_group(&db, GroupPrefixed::new(8)).await;
    purged.purge(log_id(2, 9)).await.unwrap();
    drop(purged);

    let found = groups::<Types>(&db, LOG_CF, META_CF).unwrap();
    let keys: Vec<GroupKeys> = found.iter().map(|group| group.keys).collect();
    assert_eq!(keys, [0, 1, 7, 8, u64::MAX].map(GroupKeys::Prefixed));
    for group in found {
        let state = group.state.unwrap();
        let (first, last, committed, purged, term) = match group.keys {
            GroupKeys::Prefixed(7) => (None, None, None, None, 3),
            GroupKeys::Prefixed(8) => (None, None, Some(log_id(2, 8)), Some(log_id(2, 9)), 2),
            _ => (
                Some(log_id(1, 5)),
                Some(log_id(2, 9)),
                Some(log_id(2, 8)),
                Some(log_id(1, 4)),
                2,
            ),
        };
        assert_eq!((state.first, state.last), (first, last), "{}", group.keys);
        assert_eq!((state.committed, state.purged), (committed, purged), "{}", group.keys);
        assert_eq!(state.vote, Some(vote(term)), "{}", group.keys);
        assert_eq!(problems(&db, group.keys), Vec::<String>::new(), "{}", group.keys);
    }
}

#[tokio::test]
async fn a_group_that_has_the_database_to_itself_is_listed_too() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    drop(write_group(&db, Flat).await);
    let found = groups::<Types>(&db, LOG_CF, META_CF).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].keys, GroupKeys::Flat);
    assert_eq!(found[0].state.as_ref().unwrap().last, Some(log_id(2, 9)));
    assert_eq!(problems(&db, GroupKeys::Flat), Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_group_does_not_hide_the_others() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    for id in 1..=3 {
        drop(write_group(&db, GroupPrefixed::new(id)).await);
    }
    let damaged = GroupPrefixed::new(2).meta_key(MetaLabel::Vote).as_ref().to_vec();
    db.put_cf(&db.cf_handle(META_CF).unwrap(), damaged, b"").unwrap();

    let found = groups::<Types>(&db, LOG_CF, META_CF).unwrap();
    assert!(matches!(
        found.iter().map(|group| &group.state).collect::<Vec<_>>()[..],
        [Ok(_), Err(RocksdbLogStoreError::Corrupt { .. }), Ok(_)]
    ));
}

#[tokio::test]
async fn a_key_of_no_group_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    drop(write_group(&db, GroupPrefixed::new(1)).await);
    for (cf, key) in [(LOG_CF, &b"other"[..]), (META_CF, b"votes")] {
        let handle = db.cf_handle(cf).unwrap();
        db.put_cf(&handle, key, b"x").unwrap();
        let error = groups::<Types>(&db, LOG_CF, META_CF).unwrap_err();
        assert!(
            matches!(&error, RocksdbLogStoreError::UnknownKey { column_family, key: found } if column_family == cf && found == key),
            "{error}"
        );
        // One group can be verified all the same.
        assert!(verify::<Types>(&db, LOG_CF, META_CF, None).is_err());
        assert_eq!(problems(&db, GroupKeys::Prefixed(1)), Vec::<String>::new());
        db.delete_cf(&handle, key).unwrap();
    }
}

#[tokio::test]
async fn a_database_is_read_beside_the_node_that_writes_it() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = write_group(&db, GroupPrefixed::new(1)).await;
    for last in 10..20 {
        store.blocking_append(entries(2, last..=last)).await.unwrap();
        let beside = open_db_read_only(dir.path()).unwrap();
        let found = groups::<Types>(&beside, LOG_CF, META_CF).unwrap();
        assert_eq!(found[0].state.as_ref().unwrap().last, Some(log_id(2, last)));
        assert!(
            verify::<Types>(&beside, LOG_CF, META_CF, None).unwrap()[0]
                .problems
                .is_empty()
        );
    }
    let elsewhere = dir.path().join("elsewhere");
    let error = open_db_read_only(&elsewhere).unwrap_err();
    assert!(matches!(&error, RocksdbLogStoreError::Io { path, .. } if path.starts_with(&elsewhere)));
    assert!(!elsewhere.exists());
}

#[tokio::test]
async fn stored_entries_are_read_past_those_that_are_damaged() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    drop(write_group(&db, GroupPrefixed::new(1)).await);
    drop(write_group(&db, GroupPrefixed::new(2)).await);
    let group = GroupKeys::Prefixed(1);
    let read = |range: (Bound<u64>, Bound<u64>)| -> Vec<Result<Entry, RocksdbLogStoreError>> {
        stored_entries::<Types>(&db, LOG_CF, META_CF, group, range)
            .unwrap()
            .collect()
    };
    let all = [entries(1, 5..=5), entries(2, 6..=9)].concat();
    let found: Vec<Entry> = read((Bound::Unbounded, Bound::Unbounded))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(found, all);
    let found: Vec<Entry> = read((Bound::Included(6), Bound::Excluded(8)))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(found, all[1..3]);
    assert!(read((Bound::Included(8), Bound::Excluded(8))).is_empty());

    db.put_cf(&db.cf_handle(LOG_CF).unwrap(), group.log_key(7), b"")
        .unwrap();
    delete(&db, group, 8);
    let found = read((Bound::Unbounded, Bound::Unbounded));
    assert!(
        matches!(&found[..], [Ok(_), Ok(_), Err(RocksdbLogStoreError::Corrupt { .. }), Ok(last)] if *last == all[4])
    );
}

#[tokio::test]
async fn a_database_that_lacks_what_was_acknowledged_is_not_read_as_if_it_were_whole() {
    let dir = TempDir::new().unwrap();
    drop(write_group(&open_dir(&dir), Flat).await);
    let wal = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
    for wal in wal.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        std::fs::File::options()
            .write(true)
            .open(wal)
            .unwrap()
            .set_len(0)
            .unwrap();
    }
    let error = open_db_read_only(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            RocksdbLogStoreError::BehindSynced { .. } | RocksdbLogStoreError::Rocksdb(_)
        ),
        "{error}"
    );
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_group_is_reported() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = GroupPrefixed::new(1);
    drop(write_group(&db, keys).await);
    drop(write_group(&db, GroupPrefixed::new(2)).await);
    let meta = |label: MetaLabel, value: Vec<u8>| {
        db.put_cf(&db.cf_handle(META_CF).unwrap(), keys.meta_key(label), value)
            .unwrap();
    };

    put(&db, keys, 3, &entry(1, 3, "purged"));
    delete(&db, keys, 5);
    delete(&db, keys, 6);
    put(&db, keys, 7, &entry(9, 8, "misplaced"));
    put(&db, keys, 9, &entry(1, 9, "of an earlier leader"));
    delete(&db, keys, 10);
    let log = db.cf_handle(LOG_CF).unwrap();
    db.put_cf(&log, keys.log_key(11), [9, 1, 2]).unwrap();
    put(&db, keys, 12, &entry(4, 12, "of a term without a vote"));
    meta(MetaLabel::Committed, encode(1, &log_id(3, 8)).unwrap());

    let group = "Prefixed(1)";
    assert_eq!(
        problems(&db, GroupKeys::Prefixed(1)),
        [
            "the entry at index 3 is still stored, although the log is purged up to T1-N1.4".to_owned(),
            "missing: the entries at index 5 to 6".to_owned(),
            format!("{group}: the entry stored at index 7 has index 8"),
            "the log id T3-N1.8 is committed, but the log has T2-N1.8".to_owned(),
            "the entry T1-N1.9 follows T2-N1.8, which comes from a later leader".to_owned(),
            "missing: the entry at index 10".to_owned(),
            format!("{group}: the entry at index 11 cannot be decoded: frame version 9, expected 1"),
            "the last log id is T4-N1.12, but the saved vote is <T2-N1:Q>".to_owned(),
        ]
    );

    // The committed log id is after the last entry.
    meta(MetaLabel::Committed, encode(1, &log_id(4, 13)).unwrap());
    meta(MetaLabel::Vote, vec![]);
    let found = problems(&db, GroupKeys::Prefixed(1));
    assert_eq!(
        found[0],
        format!("{group}: the record `vote` cannot be decoded: empty frame: the version byte is missing")
    );
    // Nothing is known about the vote, so it is not reported to be behind as well.
    assert!(
        !found.iter().any(|problem| problem.contains("the saved vote is")),
        "{found:?}"
    );
    assert!(found.contains(&"the log id T4-N1.13 is committed, but the log has nothing behind T4-N1.12".to_owned()));

    let all = verify::<Types>(&db, LOG_CF, META_CF, None).unwrap();
    let counts: Vec<(GroupKeys, u64, bool)> = all
        .iter()
        .map(|group| (group.keys, group.entries, group.problems.is_empty()))
        .collect();
    assert_eq!(
        counts,
        [(GroupKeys::Prefixed(1), 3, false), (GroupKeys::Prefixed(2), 5, true)]
    );
}

/// Writes a log of [`Flat`] with the entries 0 to 999 in one table, and then damages the block of entry 200 there.
/// `change` may change the log before it is flushed.
async fn damage_block(dir: &TempDir, change: impl FnOnce(&DB)) -> DB {
    let db = open_dir(dir);
    let mut store = open(&db, Flat);
    store.save_vote(&vote(1)).await.unwrap();
    for first in (0..1000).step_by(100) {
        store.blocking_append(entries(1, first..=first + 99)).await.unwrap();
    }
    drop(store);
    change(&db);
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    let files = db.live_files().unwrap();
    let file = files.iter().find(|file| file.column_family_name == LOG_CF).unwrap();
    let path = dir.path().join(file.name.trim_start_matches('/'));
    drop(db);

    let mut bytes = std::fs::read(&path).unwrap();
    // Damage the data of an early entry, and thus its whole block.
    let at = bytes.windows(5).position(|window| window == b"1-200").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    open_db_read_only(dir.path()).unwrap()
}

#[tokio::test]
async fn what_rocksdb_cannot_read_does_not_hide_what_follows() {
    let dir = TempDir::new().unwrap();
    let db = damage_block(&dir, |_| {}).await;
    let verified = verify::<Types>(&db, LOG_CF, META_CF, Some(GroupKeys::Flat)).unwrap();
    let [
        Problem::UnreadableRange {
            first,
            last: Some(last),
            ..
        },
    ] = verified[0].problems[..]
    else {
        panic!("one range: {verified:?}")
    };
    assert!(first <= 200 && (200..999).contains(&last), "{first} to {last}");
    assert_eq!(verified[0].entries, 1000 - (last - first + 1));
}

/// The first key that RocksDB can read again is not one of the group, and others of the group follow.
#[tokio::test]
async fn what_rocksdb_cannot_read_ends_at_a_key_that_is_not_the_groups() {
    let dir = TempDir::new().unwrap();
    let db = damage_block(&dir, |db| {
        // Of the entries after the damaged block, only the last ones are left, after a foreign key.
        for index in 300..900 {
            delete(db, Flat, index);
        }
        let foreign = [Flat.log_key(899).as_ref(), b"foreign"].concat();
        db.put_cf(&db.cf_handle(LOG_CF).unwrap(), foreign, b"x").unwrap();
    })
    .await;
    let verified = verify::<Types>(&db, LOG_CF, META_CF, Some(GroupKeys::Flat)).unwrap();
    let ranges = verified[0].problems.iter().filter_map(|problem| match problem {
        Problem::UnreadableRange { first, last, .. } => Some((*first, *last)),
        _ => None,
    });
    let [(first, Some(last))] = ranges.collect::<Vec<_>>()[..] else {
        panic!("one range with an end: {verified:?}")
    };
    assert!(first <= 200 && (200..900).contains(&last), "{first} to {last}");
    let missing = Problem::Missing {
        first: last + 1,
        last: 899,
    }
    .to_string();
    let problems: Vec<String> = verified[0].problems.iter().map(Problem::to_string).collect();
    assert!(problems.contains(&missing), "{problems:?}");
}
