//! Two groups whose keys overlap are never open in the same column families: a purge of one would delete entries of the
//! other.

use std::sync::Arc;

use openraft_toolkit::encode;
use openraft_toolkit::log_store::{
    Flat, GroupKeys, GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, Problem, RocksdbLogStoreError, db_options,
    verify,
};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Store, Types, entries, entry, open, open_counting, open_dir, open_error};
use rocksdb::DB;
use rocksdb::statistics::Ticker;
use tempfile::TempDir;

use super::written_group::{vote, write_group};

/// A key space of a user: the index in 8 big-endian bytes after a prefix, and the labels after another.
#[derive(Clone, Debug)]
struct Prefix {
    log: Vec<u8>,
    meta: Vec<u8>,
}

impl Prefix {
    fn new(log: impl Into<Vec<u8>>, meta: impl Into<Vec<u8>>) -> Self {
        let (log, meta) = (log.into(), meta.into());
        Self { log, meta }
    }
}

impl KeySpace for Prefix {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        [&self.log[..], &index.to_be_bytes()].concat()
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        [&self.meta[..], label.as_str().as_bytes()].concat()
    }
}

/// Key spaces of a user that overlap the group 5, each in another way.
fn overlaps_of_group_5() -> [Prefix; 5] {
    let id = 5_u64.to_be_bytes();
    [
        // The range of the log keys covers that of the group, and of many others.
        Prefix::new([0; 2], "covers"),
        // It covers nothing but the group.
        Prefix::new(&id[..7], "covers a few"),
        // It lies within that of the group.
        Prefix::new([&id[..], b"within"].concat(), "within"),
        // The log keys are the same, and the meta keys are not.
        Prefix::new(id, "log keys"),
        // The meta keys are the same, and the log keys are not.
        Prefix::new("meta keys", [&id[..], b"/"].concat()),
    ]
}

#[track_caller]
fn assert_overlaps(error: &RocksdbLogStoreError, group: &impl KeySpace, other: &impl KeySpace) {
    let RocksdbLogStoreError::Overlaps { group: a, other: b } = error else {
        panic!("{error}")
    };
    assert_eq!((a, b), (&format!("{group:?}"), &format!("{other:?}")));
    let text = error.to_string();
    assert!(text.contains(a) && text.contains(b), "{text}");
}

/// Asserts that `one` and `other` are never open at the same time, whichever is opened first.
fn assert_never_both_open<A: KeySpace, B: KeySpace>(one: &A, other: &B) {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let first = open(&db, one.clone());
    assert_overlaps(&open_error(&db, other.clone()), other, one);
    drop(first);
    let first = open(&db, other.clone());
    assert_overlaps(&open_error(&db, one.clone()), one, other);
    // A refused opening leaves no claim behind. Neither does a closed group of which nothing is stored.
    drop(first);
    open(&db, one.clone());
}

/// Asserts that `other` is not opened where `stored` is stored: neither in the process that has closed `stored`, nor in
/// the next one.
async fn assert_not_opened_where_stored<A: KeySpace, B: KeySpace>(stored: &A, other: &B) {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    // The writer goes on for another group, whose keys sort after those of `Flat`.
    let far = open(&db, GroupPrefixed::new(u64::MAX));
    drop(write_group(&db, stored.clone()).await);
    assert_overlaps(&open_error(&db, other.clone()), other, stored);
    drop((far, db));

    let db = open_dir(&dir);
    for _ in 0..2 {
        assert_overlaps(&open_error(&db, other.clone()), other, stored);
    }
    // A range with a prefix holds no key of another group, and can be emptied.
    match Store::destroy(db.clone(), LOG_CF, META_CF, other.clone()) {
        Ok(()) => assert!(format!("{other:?}").starts_with("GroupPrefixed")),
        Err(error) => assert_overlaps(&error, other, stored),
    }
    let mut stored = open(&db, stored.clone());
    assert_eq!(stored.read_vote().await.unwrap(), Some(vote(2)));
    let read = stored.try_get_log_entries(..).await.unwrap();
    assert_eq!(read, [entries(1, 5..=5), entries(2, 6..=9)].concat());
}

#[test]
fn groups_whose_keys_overlap_are_never_both_open() {
    for id in [0, 5, u64::MAX - 1] {
        assert_never_both_open(&Flat, &GroupPrefixed::new(id));
    }
    for user in overlaps_of_group_5() {
        assert_never_both_open(&user, &GroupPrefixed::new(5));
    }
    let [wide, few, ..] = overlaps_of_group_5();
    assert_never_both_open(&wide, &few);
    assert_never_both_open(&wide, &Flat);
}

#[tokio::test]
async fn a_group_is_not_opened_where_a_group_is_stored_that_its_keys_overlap() {
    for id in [0, 5, u64::MAX - 1] {
        assert_not_opened_where_stored(&Flat, &GroupPrefixed::new(id)).await;
        assert_not_opened_where_stored(&GroupPrefixed::new(id), &Flat).await;
    }
    for user in overlaps_of_group_5() {
        assert_not_opened_where_stored(&GroupPrefixed::new(5), &user).await;
    }
    let [wide, _, within, ..] = overlaps_of_group_5();
    assert_not_opened_where_stored(&Flat, &wide).await;
    assert_not_opened_where_stored(&Flat, &within).await;
}

/// On disk, the form of a user's keys tells nothing. In the process that has written them, their range is known.
#[tokio::test]
async fn the_keys_of_a_closed_group_stay_its_own_until_it_is_destroyed() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    // The writer goes on for another group.
    let _far = open(&db, GroupPrefixed::new(u64::MAX));
    for user in overlaps_of_group_5() {
        drop(write_group(&db, user.clone()).await);
        assert_overlaps(&open_error(&db, GroupPrefixed::new(5)), &GroupPrefixed::new(5), &user);
        open(&db, user.clone());
        Store::destroy(db.clone(), LOG_CF, META_CF, user).unwrap();
        open(&db, GroupPrefixed::new(5));
    }
}

/// Writes either a vote or entries.
async fn write_part<K: KeySpace>(store: &mut Store<K>, only_vote: bool) {
    match only_vote {
        true => store.save_vote(&vote(1)).await.unwrap(),
        false => store.blocking_append(entries(1, 0..=2)).await.unwrap(),
    }
}

/// A node that forms a cluster writes its first entry before its first vote, and a node that has only voted has no
/// entry.
#[tokio::test]
async fn entries_alone_and_a_vote_alone_show_that_a_group_is_stored() {
    let group = GroupPrefixed::new(5);
    for only_vote in [false, true] {
        let dir = TempDir::new().unwrap();
        write_part(&mut open(&open_dir(&dir), Flat), only_vote).await;
        assert_overlaps(&open_error(&open_dir(&dir), group), &group, &Flat);

        let dir = TempDir::new().unwrap();
        write_part(&mut open(&open_dir(&dir), group), only_vote).await;
        assert_overlaps(&open_error(&open_dir(&dir), Flat), &Flat, &group);
    }
}

#[test]
fn the_log_of_a_group_is_never_the_meta_column_family_of_another() {
    let dir = TempDir::new().unwrap();
    let db = Arc::new(DB::open_cf(&db_options(), dir.path(), ["one", "two", "three"]).unwrap());
    let open = |log, meta, id| Store::open(db.clone(), log, meta, GroupPrefixed::new(id));
    let first = open("one", "two", 1).unwrap();
    for (log, meta) in [("two", "one"), ("two", "three"), ("three", "one")] {
        let error = open(log, meta, 2).unwrap_err();
        assert_overlaps(&error, &GroupPrefixed::new(2), &GroupPrefixed::new(1));
    }
    open("one", "three", 2).unwrap();
    open("three", "two", 2).unwrap();
    drop(first);
    open("two", "one", 2).unwrap();
}

#[test]
fn a_group_opens_with_as_few_reads_however_many_are_open_and_stored() {
    let dir = TempDir::new().unwrap();
    let (db, options) = open_counting(&dir);
    let mut stores = Vec::new();
    let mut seeks_of_next = || {
        let before = options.get_ticker_count(Ticker::NumberDbSeek);
        stores.push(open(&db, GroupPrefixed::new(stores.len() as u64)));
        options.get_ticker_count(Ticker::NumberDbSeek) - before
    };
    seeks_of_next();
    let second = seeks_of_next();
    // The end of its log, which a store has always read.
    assert_eq!(second, 1);
    for _ in 0..1_000 {
        assert_eq!(seeks_of_next(), second);
    }
}

/// Puts a group of [`Flat`] among groups with a prefix, as earlier releases let it be written.
async fn mixed(dir: &TempDir) -> Arc<DB> {
    let db = open_dir(dir);
    for id in [5, 6] {
        drop(write_group(&db, GroupPrefixed::new(id)).await);
    }
    for index in 3..=9 {
        let value = encode(1, &entry(2, index, "flat")).unwrap();
        let log = db.cf_handle(LOG_CF).unwrap();
        db.put_cf(&log, Flat.log_key(index), value).unwrap();
    }
    let meta = db.cf_handle(META_CF).unwrap();
    let value = encode(1, &vote(2)).unwrap();
    db.put_cf(&meta, Flat.meta_key(MetaLabel::Vote), value).unwrap();
    db.clone()
}

#[tokio::test]
async fn verify_reports_the_groups_whose_keys_overlap() {
    let dir = TempDir::new().unwrap();
    let db = mixed(&dir).await;
    let overlaps = |group: Option<GroupKeys>| -> Vec<(GroupKeys, Vec<String>)> {
        let verified = verify::<Types>(&db, LOG_CF, META_CF, group).unwrap();
        let overlaps = |problems: Vec<Problem>| problems.iter().map(Problem::to_string).collect();
        verified
            .into_iter()
            .map(|group| (group.keys, overlaps(group.problems)))
            .collect()
    };
    let with = |other: &str| {
        format!("the keys overlap those of the group {other}, which is stored in the same column families")
    };
    let flat = (GroupKeys::Flat, vec![with("5"), with("6")]);
    let prefixed = |id| (GroupKeys::Prefixed(id), vec![with("flat")]);
    assert_eq!(overlaps(None), [flat.clone(), prefixed(5), prefixed(6)]);
    assert_eq!(overlaps(Some(GroupKeys::Flat)), [flat]);
    assert_eq!(overlaps(Some(GroupKeys::Prefixed(5))), [prefixed(5)]);
}

#[tokio::test]
async fn groups_whose_keys_overlap_on_disk_are_parted_by_destroying_those_that_cover_no_other() {
    let dir = TempDir::new().unwrap();
    drop(mixed(&dir).await);
    let db = open_dir(&dir);
    let error = Store::destroy(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    assert_overlaps(&error, &Flat, &GroupPrefixed::new(5));
    assert_overlaps(&open_error(&db, Flat), &Flat, &GroupPrefixed::new(5));
    for id in [5, 6] {
        Store::destroy(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(id)).unwrap();
    }
    assert_eq!(open(&db, Flat).try_get_log_entries(..).await.unwrap().len(), 7);
}
