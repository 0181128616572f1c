//! The database is shared: the user writes to it, flushes it, and drops column families of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, LOG_CF, META_CF, RocksdbLogStore, RocksdbLogStoreError, db_options, recover,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Store, Types, entries, open, open_dir};
use openraft_toolkit_tests::node::DEADLINE;
use openraft_toolkit_tests::run::stride;
use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, Options, WriteBatch, WriteOptions};
use tempfile::TempDir;

/// Opens a database with the log store's column families and `others`.
fn open_with(dir: &Path, others: &[&str]) -> DB {
    recover(dir).unwrap();
    DB::open_cf(&db_options(), dir, [&[LOG_CF, META_CF], others].concat()).unwrap()
}

/// RocksDB forgets the sequence numbers of operations that no file has any more.
#[tokio::test]
async fn a_database_whose_last_operations_left_no_trace_is_opened_again() {
    // Each of these writes an operation and removes what it wrote.
    type Change = fn(&mut DB);
    let changes: [(&str, Change); 3] = [
        ("drop_cf", |db| {
            db.create_cf("scratch", &Options::default()).unwrap();
            db.put_cf(&db.cf_handle("scratch").unwrap(), b"k", b"v").unwrap();
            db.drop_cf("scratch").unwrap();
        }),
        ("single_delete", |db| {
            db.put(b"k", b"v").unwrap();
            let mut batch = WriteBatch::default();
            batch.single_delete(b"k");
            db.write(batch).unwrap();
        }),
        ("nothing", |_| {}),
    ];
    for (name, change) in changes {
        let dir = TempDir::new().unwrap();
        let path = dir.path();
        for index in 0..3 {
            let mut store = open(&Arc::new(open_with(path, &[])), Flat);
            store.blocking_append(entries(1, index..=index)).await.unwrap();
            drop(store);
            let mut db = open_with(path, &[]);
            change(&mut db);
            // Opening the store writes an empty batch.
            let db = Arc::new(db);
            drop(open(&db, Flat));
            drop(db);
            // The first opening flushes the WAL, and the second one finds only what the flush has stored.
            drop(open_with(path, &[]));
            drop(open_with(path, &[]));
        }
        let mut store = open(&Arc::new(open_with(path, &[])), Flat);
        assert_eq!(
            store.try_get_log_entries(..).await.unwrap(),
            entries(1, 0..=2),
            "{name}"
        );
    }
}

/// Each group has two column families of its own, which are dropped with the group.
#[tokio::test]
async fn a_database_is_opened_again_after_the_column_families_of_a_destroyed_group_were_dropped() {
    let dir = TempDir::new().unwrap();
    let store = |db: &Arc<DB>, n| {
        let [log, meta] = [format!("log{n}"), format!("meta{n}")];
        RocksdbLogStore::<Types, _>::open(db.clone(), log, meta, Flat).unwrap()
    };
    let db = Arc::new(open_with(dir.path(), &["log1", "meta1", "log2", "meta2"]));
    store(&db, 1).blocking_append(entries(1, 0..=4)).await.unwrap();
    store(&db, 2).blocking_append(entries(1, 0..=4)).await.unwrap();
    Store::<Flat>::destroy(db.clone(), "log2", "meta2", Flat).unwrap();
    // With rocksdb's feature `multi-threaded-cf`, `drop_cf` takes `&self`.
    #[allow(unused_mut)]
    let mut db = Arc::into_inner(db).unwrap();
    db.drop_cf("log2").unwrap();
    db.drop_cf("meta2").unwrap();
    for cf in ["log1", "meta1", LOG_CF, META_CF, "default"] {
        db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
    }
    drop(db);

    for _ in 0..2 {
        let db = Arc::new(open_with(dir.path(), &["log1", "meta1"]));
        let found = store(&db, 1).try_get_log_entries(..).await.unwrap();
        assert_eq!(found, entries(1, 0..=4));
    }
}

/// RocksDB may put the writes of several threads into one record of the WAL, and may put them before or after those of
/// the log store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vote_is_covered_by_the_account_while_others_write() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    // In each round, every thread writes a bounded number of records back to back, so that the WAL stays the same.
    let (stop, round) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let others: Vec<_> = (0..3)
        .map(|n: u8| {
            let (db, stop, round) = (db.clone(), stop.clone(), round.clone());
            std::thread::spawn(move || {
                let mut done = 0;
                while !stop.load(Relaxed) {
                    match round.load(Relaxed) {
                        now if now == done => std::thread::yield_now(),
                        now => {
                            (0..60).for_each(|_| db.put([n], [n; 4_000]).unwrap());
                            done = now;
                        }
                    }
                }
            })
        })
        .collect();
    let mut shared_records = 0;
    for term in 1..=25 {
        let vote = VoteOf::<Types>::new(term, 1);
        round.store(term, Relaxed);
        store.save_vote(&vote).await.unwrap();
        let image = Image::of_running(&dir);
        let account = image.account().unwrap();
        let (wal, length) = (account.wal_name(), account.wal_length);
        shared_records += usize::from(image.0[&wal].len() > length);

        // A WAL that ends with the vote has it.
        let cut = |length: usize| image.with(&wal, Some(image.0[&wal][..length].to_vec())).write();
        let whole = cut(length);
        let mut store = open(&open_dir(&whole), Flat);
        assert_eq!(store.read_vote().await.unwrap(), Some(vote));
        // A WAL that ends before that is damaged.
        let error = recover(cut(length - 1)).unwrap_err();
        assert!(matches!(error, RocksdbLogStoreError::Damaged { .. }), "{error}");
    }
    stop.store(true, Relaxed);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert!(shared_records > 0, "nobody wrote after a vote");
}

/// RocksDB drops the torn end of its last WAL, and deletes the WAL some time after it has stored all that the WAL has.
#[tokio::test]
async fn a_wal_that_is_no_longer_needed_may_come_back_in_any_state() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let mut torn = Image::of(&dir);
    let old = torn.newest_wal().to_owned();
    store.blocking_append(entries(1, 5..=9)).await.unwrap();
    drop(store);
    let longer = Image::of(&dir).0[&old].clone();
    let ends_in_a_record = torn.0[&old].len() + 20;
    torn.0.insert(old.clone(), longer[..ends_in_a_record].to_vec());

    let remains = torn.write();
    let db = open_dir(&remains);
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    db.put_opt(b"user", b"synced", &synced).unwrap();
    let mut garbage = torn.0[&old].clone();
    garbage.extend([0xff; 3_000]);
    for undone in [torn.0[&old].clone(), garbage] {
        // The power fails, which undoes the deletion of the old WAL.
        let image = Image::of_running(&remains).with(&old, Some(undone.clone()));
        let dir = image.write();
        let db = open_dir(&dir);
        assert_eq!(db.get(b"user").unwrap().unwrap(), b"synced");
        let mut store = open(&db, Flat);
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
        // The power fails once more, after the log store has written to the next WAL.
        store.blocking_append(entries(1, 5..=5)).await.unwrap();
        let image = Image::of_running(&dir).with(&old, Some(undone));
        let dir = image.write();
        let mut store = open(&open_dir(&dir), Flat);
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=5));
    }
}

/// The user flushes the database after the last write of a log store, so that the account names a WAL that is gone.
#[tokio::test]
async fn a_manifest_that_still_needs_a_deleted_wal_is_refused() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let before = Image::of_running(&dir);
    for cf in ["default", LOG_CF, META_CF] {
        db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
    }
    let after = Image::of_running(&dir);
    assert_ne!(before.newest_wal(), after.newest_wal());
    let account = after.account().unwrap();
    let manifest = account.manifest_name();
    let mut refused = 0;
    for cut in (account.manifest_length..after.0[&manifest].len()).step_by(stride(5)) {
        let image = after.with(&manifest, Some(after.0[&manifest][..cut].to_vec())).write();
        match recover(&image) {
            Err(RocksdbLogStoreError::MissingFile(_)) => refused += 1,
            Err(e) => panic!("{e}"),
            Ok(()) => {
                let mut store = open(&open_dir(&image), Flat);
                assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
            }
        }
    }
    assert!(refused > 0);
}

/// A compaction may fill the MANIFEST, so that RocksDB replaces it without starting a new WAL.
#[tokio::test]
async fn the_account_follows_a_manifest_that_is_replaced_between_two_wals() {
    let dir = TempDir::new().unwrap();
    let mut options = db_options();
    options.set_max_manifest_file_size(1);
    let db = Arc::new(DB::open_cf(&options, dir.path(), [LOG_CF, META_CF]).unwrap());
    let mut store = open(&db, GroupPrefixed::new(1));
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let log = db.cf_handle(LOG_CF).unwrap();
    db.flush_cf(&log).unwrap();
    store.blocking_append(entries(1, 5..=9)).await.unwrap();
    db.flush_cf(&log).unwrap();
    store.save_vote(&VoteOf::<Types>::new(2, 1)).await.unwrap();
    let before = Image::of(&dir).account().unwrap();
    // The log has nothing left to flush, so that a compaction starts no WAL.
    let mut force = CompactOptions::default();
    force.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    let current = || fs::read_to_string(dir.path().join("CURRENT")).unwrap();
    let (first, deadline) = (current(), Instant::now() + DEADLINE);
    while current() == first {
        assert!(Instant::now() < deadline, "the MANIFEST is not replaced");
        db.compact_range_cf_opt(&log, None::<&[u8]>, None::<&[u8]>, &force);
    }
    store.save_vote(&VoteOf::<Types>::new(3, 1)).await.unwrap();

    let after = Image::of(&dir).account().unwrap();
    assert_eq!(before.wal, after.wal, "the compaction started a new WAL");
    assert_eq!(current().trim_end(), after.manifest_name());
    let length = fs::metadata(dir.path().join(after.manifest_name())).unwrap().len();
    assert_eq!(after.manifest_length as u64, length);
}
