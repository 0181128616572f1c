//! `accept_loss` makes a database open again that is refused because acknowledged writes are lost.

use std::fs;
use std::iter;
use std::path::Path;

use openraft_toolkit::log_store::{
    Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStoreError, accept_loss, db_options, open_db, open_db_with,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Store, Types, entries, open, open_dir};
use rocksdb::{DB, DBRecoveryMode, FlushOptions, Options};
use tempfile::TempDir;

/// Returns the files of a database, and the names of two WALs. Entries 0 to 9 are in the first one, which is closed,
/// and entries 10 to 19 are in the newest one.
async fn two_wals() -> (Image, [String; 2]) {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    for index in 0..10 {
        store.blocking_append(entries(1, index..=index)).await.unwrap();
    }
    let first = Image::of(&dir).newest_wal().to_owned();
    // The flush of another column family starts a new WAL, and the log still needs the old one.
    db.put(b"k", b"v").unwrap();
    db.flush().unwrap();
    for index in 10..20 {
        store.blocking_append(entries(1, index..=index)).await.unwrap();
    }
    let image = Image::of(&dir);
    let second = image.newest_wal().to_owned();
    assert!(first != second && image.0.contains_key(&first));
    (image, [first, second])
}

/// Checks that the database is refused, that `accept_loss` makes it open, and that it stays open. Returns how many
/// entries are left.
async fn rescue(dir: &Path) -> u64 {
    let refused = open_db(dir, LogDbOptions::default()).map(|db| Store::open(db, LOG_CF, META_CF, Flat).unwrap_err());
    let refused = refused.unwrap_or_else(|e| e);
    use RocksdbLogStoreError::{BehindSynced, Damaged, MissingFile};
    assert!(
        matches!(refused, Damaged { .. } | MissingFile(_) | BehindSynced { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("accept_loss"), "{refused}");

    let losses = accept_loss(dir).unwrap();
    for loss in &losses {
        assert!(loss.to < loss.from);
        // A record was added to the MANIFEST.
        let is_manifest = loss.file.to_string_lossy().contains("MANIFEST");
        assert!(is_manifest || fs::metadata(&loss.file).unwrap().len() == loss.to);
    }
    let mut store = open(&open_dir(dir), Flat);
    let left = store.try_get_log_entries(..).await.unwrap();
    let count = left.len() as u64;
    assert_eq!(left, entries(1, 0..=19)[..left.len()]);
    store.blocking_append(entries(2, count..=count)).await.unwrap();
    drop(store);
    let mut store = open(&open_dir(dir), Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap().len() as u64, count + 1);
    count
}

#[tokio::test]
async fn what_is_intact_before_the_damage_is_left() {
    let (image, [first, second]) = two_wals().await;
    let flipped = |name: &str, part: usize| {
        let mut bytes = image.0[name].clone();
        let at = bytes.len() * part / 10;
        bytes[at] ^= 1;
        image.with(name, Some(bytes)).write()
    };
    let in_the_middle = |count: u64, entries: std::ops::Range<u64>| assert!(entries.contains(&count), "{count}");
    in_the_middle(rescue(flipped(&first, 5).path()).await, 1..9);
    in_the_middle(rescue(flipped(&second, 5).path()).await, 11..19);
    let cut = image.with(&second, Some(image.0[&second][..image.0[&second].len() / 2].to_vec()));
    in_the_middle(rescue(cut.write().path()).await, 11..19);
}

#[tokio::test]
async fn a_missing_wal_is_given_up() {
    let (image, [_, second]) = two_wals().await;
    assert_eq!(rescue(image.with(&second, None).write().path()).await, 10);
}

/// What is left after the hole would be a log that lacks entries in between, or that lacks its beginning.
#[tokio::test]
async fn nothing_is_left_behind_a_wal_that_is_missing_or_too_short() {
    let (image, [first, _]) = two_wals().await;
    assert_eq!(rescue(image.with(&first, None).write().path()).await, 0);
    let ends = record_ends(&image.0[&first]);
    for (n, end) in [(0, 0), (5, ends[5]), (9, ends[9])] {
        let cut = image.with(&first, Some(image.0[&first][..end].to_vec())).write();
        let left = rescue(cut.path()).await;
        assert!(left <= n, "{left} after {n} records");
    }
}

/// Returns the offsets at which the records of a WAL of less than one block end.
fn record_ends(wal: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while let Some(&[_, _, _, _, low, high, _]) = wal.get(at..at + 7) {
        at += 7 + usize::from(u16::from_le_bytes([low, high]));
        ends.push(at);
    }
    ends
}

/// With `atomic_flush`, RocksDB writes an edit for each column family, and applies all of them or none.
#[tokio::test]
async fn a_manifest_that_is_damaged_in_an_atomic_group_is_given_up_before_the_group() {
    let dir = TempDir::new().unwrap();
    let mut options = db_options();
    options.set_atomic_flush(true);
    let db = open_db_with(dir.path(), options, iter::empty::<(String, Options)>()).unwrap();
    let mut store = open(&db, Flat);
    store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    let before = Image::of(&dir);
    let [log, meta] = [LOG_CF, META_CF].map(|name| db.cf_handle(name).unwrap());
    db.flush_cfs_opt(&[&log, &meta], &FlushOptions::default()).unwrap();
    store.blocking_append(entries(1, 10..=19)).await.unwrap();
    let mut image = Image::of(&dir);
    // As long as the WAL is not deleted, it has what the group is about.
    let wal = before.newest_wal();
    image.0.insert(wal.to_owned(), before.0[wal].clone());
    let manifest = image.0.keys().find(|name| name.starts_with("MANIFEST")).unwrap();
    for at in before.0[manifest].len()..image.0[manifest].len() {
        let mut bytes = image.0[manifest].clone();
        bytes[at] ^= 1;
        let damaged = image.with(manifest, Some(bytes)).write();
        assert!(rescue(damaged.path()).await >= 10, "{at}");
    }
}

#[tokio::test]
async fn a_database_that_was_opened_without_recovery_is_given_up() {
    let (image, [_, second]) = two_wals().await;
    let dir = image.with(&second, None).write();
    let mut weak = db_options();
    weak.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    drop(DB::open_cf(&weak, dir.path(), [LOG_CF, META_CF]).unwrap());
    // The WAL that the account names is needed no more, since RocksDB has gone on without it.
    assert_eq!(rescue(dir.path()).await, 10);
}

#[tokio::test]
async fn a_damaged_manifest_is_given_up_as_far_as_rocksdb_can_open_the_rest() {
    let (image, _) = two_wals().await;
    let manifest = image.0.keys().find(|name| name.starts_with("MANIFEST")).unwrap();
    let mut bytes = image.0[manifest].clone();
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    rescue(image.with(manifest, Some(bytes)).write().path()).await;
}

#[tokio::test]
async fn a_running_database_and_a_directory_without_one_are_refused() {
    let dir = TempDir::new().unwrap();
    let error = accept_loss(dir.path()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingFile(_)), "{error}");

    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let before = Image::of(&dir);
    assert!(accept_loss(dir.path()).is_err());
    assert_eq!(before.0[ACCOUNT], Image::of(&dir).0[ACCOUNT]);
}

#[tokio::test]
async fn a_database_that_is_open_without_log_stores_is_refused() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    open(&db, Flat).blocking_append(entries(1, 0..=4)).await.unwrap();
    let before = Image::of(&dir);
    let error = accept_loss(dir.path()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::InUse { .. }), "{error}");
    assert!(before.0 == Image::of(&dir).0, "a file was changed");
}
