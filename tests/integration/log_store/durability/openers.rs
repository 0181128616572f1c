//! One process at a time writes to a database, and a group has one store at a time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::{env, fs, process, thread};

use openraft_toolkit::log_store::{
    Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStoreError, db_options, open_db, recover,
};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorageExt};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Store, entries, open, open_dir};
use openraft_toolkit_tests::run::rounds;
use rocksdb::{DB, DBRecoveryMode};
use tempfile::TempDir;

use super::process::process_of;

const DIR: &str = "OPENRAFT_TOOLKIT_OPENER_DIR";

/// Not a test: the second process.
#[test]
#[ignore = "run by the test of the second process"]
fn process() {
    let Some(dir) = env::var_os(DIR) else { return };
    match open_db(Path::new(&dir), LogDbOptions::default()) {
        Ok(_) => println!("OPEN"),
        Err(e @ RocksdbLogStoreError::InUse { .. }) => println!("REFUSED {e}"),
        Err(e) => println!("OTHER ERROR {e}"),
    }
}

/// Returns what a second process prints that opens the database in `dir`.
fn second_process(dir: &Path) -> String {
    let output = process_of(module_path!(), &[]).env(DIR, dir).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_second_process_is_refused_and_does_no_harm() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_path_buf();
    let second = move || second_process(&path);
    let mut store = open(&open_dir(&dir), Flat);
    let holder = format!("another process has it open, with the pid {}", process::id());
    let (tries, mut let_in) = (rounds(5, 200), 0);
    for n in 0..tries {
        // The second process reads the WAL while the first process writes to it.
        let appends = async {
            for index in n * 50..n * 50 + 50 {
                store.blocking_append(entries(1, index..=index)).await.unwrap();
            }
        };
        let (said, ()) = tokio::join!(
            async { tokio::task::spawn_blocking(second.clone()).await.unwrap() },
            appends
        );
        match said.contains("REFUSED") {
            true => assert!(said.contains(&holder), "{said}"),
            false => let_in += 1,
        }
    }
    drop(store);
    assert!(second().contains("OPEN"));
    let mut store = open(&open_dir(&dir), Flat);
    assert_eq!(
        store.try_get_log_entries(..).await.unwrap(),
        entries(1, 0..=tries * 50 - 1)
    );
    println!("second openers: {tries}, {let_in} let in");
    assert_eq!(let_in, 0);
}

/// A process that has opened no store yet has left no pid. The pid of a process that is gone counts for nothing.
#[test]
fn a_second_process_is_refused_without_a_pid_while_no_store_is_open() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let said = second_process(dir.path());
    assert!(
        said.contains("REFUSED") && said.contains("another process has it open"),
        "{said}"
    );
    assert!(!said.contains("pid"), "{said}");

    drop(open(&db, Flat));
    let said = second_process(dir.path());
    assert!(said.contains("REFUSED") && !said.contains("pid"), "{said}");
}

#[track_caller]
fn assert_this_process_has_it_open(error: &RocksdbLogStoreError, dir: &TempDir) {
    let RocksdbLogStoreError::InUse { path, pid } = error else {
        panic!("{error}")
    };
    assert_eq!((path.as_path(), *pid), (dir.path(), Some(process::id())));
    assert!(
        error.to_string().contains("this process has it open already"),
        "{error}"
    );
}

#[test]
fn a_store_is_refused_while_the_account_of_its_database_is_locked() {
    let dir = TempDir::new().unwrap();
    drop(open(&open_dir(&dir), Flat));
    let db = open_dir(&dir);
    let account = fs::File::open(dir.path().join(ACCOUNT)).unwrap();
    account.lock().unwrap();
    let error = Store::open(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    assert_this_process_has_it_open(&error, &dir);
    account.unlock().unwrap();
    open(&db, Flat);
}

#[tokio::test]
async fn a_second_opening_in_the_same_process_is_refused_and_does_no_harm() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();

    let error = open_db(dir.path(), LogDbOptions::default()).unwrap_err();
    assert_this_process_has_it_open(&error, &dir);
    let error = Store::open(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::AlreadyOpen { .. }), "{error}");
    // After the refused opening, the lock is still there.
    open_db(dir.path(), LogDbOptions::default()).unwrap_err();

    store.blocking_append(entries(1, 5..=9)).await.unwrap();
    drop((store, db));
    assert_eq!(
        open(&open_dir(&dir), Flat).try_get_log_entries(..).await.unwrap(),
        entries(1, 0..=9)
    );
}

/// The database is opened without `recover`, and with options with which RocksDB drops damaged records.
#[tokio::test]
async fn a_store_is_refused_where_weaker_options_dropped_what_was_durable() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    store.blocking_append(entries(1, 5..=9)).await.unwrap();
    drop(store);
    let image = Image::of(&dir);
    let wal = image.newest_wal();
    let length = image.0[wal].len();
    fs::write(dir.path().join(wal), &image.0[wal][..length - 20]).unwrap();

    let mut weak = db_options();
    weak.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    let db = DB::open_cf(&weak, dir.path(), [LOG_CF, META_CF]).unwrap();
    let error = Store::open(db.into(), LOG_CF, META_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::BehindSynced { .. }), "{error}");
}

/// RocksDB creates a database by writing a MANIFEST first, and `CURRENT` last.
#[tokio::test]
async fn a_database_whose_creation_was_interrupted_is_created() {
    for written in ["", "the start of a record"] {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("MANIFEST-000001"), written).unwrap();
        let mut store = open(&open_dir(&dir), Flat);
        store.blocking_append(entries(1, 0..=4)).await.unwrap();
        drop(store);
        let mut store = open(&open_dir(&dir), Flat);
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=4));
    }
}

/// A running process deletes files while another process reads them.
#[tokio::test]
async fn a_file_that_is_missing_under_an_open_database_is_reported_as_in_use_and_not_as_missing() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    let wal = dir.path().join(Image::of(&dir).newest_wal());
    let hidden = dir.path().join("hidden");
    fs::rename(&wal, &hidden).unwrap();
    let refused = || {
        let opened = open_db(dir.path(), LogDbOptions::default()).map(drop);
        for error in [opened, recover(dir.path())] {
            assert_this_process_has_it_open(&error.unwrap_err(), &dir);
        }
    };
    refused();
    drop(store);
    refused();
    drop(db);
    let error = recover(dir.path()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingFile(_)), "{error}");
    fs::rename(&hidden, &wal).unwrap();
    open(&open_dir(&dir), Flat);
}

#[tokio::test]
async fn a_file_that_was_missing_only_while_a_process_ran_is_not_reported() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    store.blocking_append(entries(1, 0..=4)).await.unwrap();
    drop(store);
    let wal = dir.path().join(Image::of(&dir).newest_wal());
    let hidden = dir.path().join("hidden");
    for delay in 0..20 {
        // Stand in for a process that ends while `recover` reads the files.
        let running = fs::File::open(dir.path().join(ACCOUNT)).unwrap();
        running.lock().unwrap();
        fs::rename(&wal, &hidden).unwrap();
        thread::scope(|scope| {
            let recovered = scope.spawn(|| recover(dir.path()));
            thread::sleep(Duration::from_millis(delay));
            fs::rename(&hidden, &wal).unwrap();
            running.unlock().unwrap();
            match recovered.join().unwrap() {
                Ok(()) | Err(RocksdbLogStoreError::InUse { .. }) => {}
                Err(e) => panic!("after {delay} ms: {e}"),
            }
        });
    }
}

/// With `recycle_log_file_num`, RocksDB overwrites an old WAL, so that the length of the WAL does not show how far it
/// is written.
#[tokio::test]
async fn a_store_goes_on_where_the_wal_cannot_be_followed() {
    let dir = TempDir::new().unwrap();
    // The account of this opening is about an earlier WAL, not about a recycled WAL.
    drop(open(&open_dir(&dir), Flat));
    let mut weak = db_options();
    weak.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    weak.set_recycle_log_file_num(2);
    let db = Arc::new(DB::open_cf(&weak, dir.path(), [LOG_CF, META_CF]).unwrap());
    let mut store = open(&db, Flat);
    for index in 0..20 {
        store.blocking_append(entries(1, index..=index)).await.unwrap();
        if index % 4 == 3 {
            db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
        }
    }
    assert_eq!(fs::read_to_string(dir.path().join(ACCOUNT)).unwrap(), "");
    drop((store, db));
    let mut store = open(&open_dir(&dir), Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=19));
}

/// By then, the WAL has a mark. Without an account that is kept up to date, recovery would treat all later batches as
/// never synced.
#[test]
fn a_store_whose_account_cannot_be_kept_is_refused() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut options = db_options();
    options.set_wal_dir(elsewhere.path());
    let db = Arc::new(DB::open_cf(&options, dir.path(), [LOG_CF, META_CF]).unwrap());
    // This file is not RocksDB's, but looks like the newest WAL.
    fs::write(dir.path().join("999999.log"), "").unwrap();
    let error = Store::open(db, LOG_CF, META_CF, Flat).unwrap_err();
    assert!(error.to_string().contains("999999.log does not grow"), "{error}");
}

/// RocksDB may begin a new WAL or MANIFEST at any time, and deletes the old one.
#[tokio::test]
async fn files_that_are_replaced_all_the_time_are_followed() {
    let dir = TempDir::new().unwrap();
    let mut options = db_options();
    options.set_max_manifest_file_size(1);
    let db = Arc::new(DB::open_cf(&options, dir.path(), [LOG_CF, META_CF]).unwrap());
    let mut store = open(&db, Flat);
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = [LOG_CF, META_CF, "default"]
        .map(|cf| {
            let (db, stop) = (db.clone(), stop.clone());
            thread::spawn(move || {
                while !stop.load(Relaxed) {
                    db.put(cf, cf).unwrap();
                    db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
                }
            })
        })
        .into();
    let count = rounds(300, 5_000);
    for index in 0..count {
        store.blocking_append(entries(1, index..=index)).await.unwrap();
    }
    stop.store(true, Relaxed);
    others.into_iter().for_each(|other| other.join().unwrap());
    drop((store, db));
    let mut store = open(&open_dir(&dir), Flat);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries(1, 0..=count - 1));
}
