//! Opening a store: what the store holds after the last handle was dropped, and what is refused.

use std::sync::Arc;

use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, LOG_CF, LogDbOptions, META_CF, RocksdbLogStoreError, db_options, log_cf_options, open_db,
    open_db_with,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::rocksdb::{DB, Options};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{Store, Types, entries, log_id, open, open_dir};
use tempfile::TempDir;

#[tokio::test]
async fn everything_is_there_after_the_last_handle_is_dropped_and_the_path_reopened_at_once() {
    let dir = TempDir::new().unwrap();
    let vote = VoteOf::<Types>::new_committed(3, 1);
    for round in 0..20 {
        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        let first = round * 10;
        // Only dropping the store waits for these entries.
        store
            .append(entries(1, first..=first + 9), IOFlushed::noop())
            .await
            .unwrap();
        store.save_committed(Some(log_id(1, first))).await.unwrap();
        if round > 0 {
            store.purge(log_id(1, first - 5)).await.unwrap();
        }
        store.save_vote(&vote).await.unwrap();
        drop(store);

        let mut store = open(&open_dir(&dir), GroupPrefixed::new(7));
        assert_eq!(store.read_vote().await.unwrap(), Some(vote));
        assert_eq!(store.read_committed().await.unwrap(), Some(log_id(1, first)));
        let state = store.get_log_state().await.unwrap();
        assert_eq!(state.last_log_id, Some(log_id(1, first + 9)));
        assert_eq!(
            state.last_purged_log_id,
            (round > 0).then(|| log_id(1, first.saturating_sub(5)))
        );
        let kept = if round > 0 { first - 4 } else { 0 };
        assert_eq!(
            store.try_get_log_entries(..).await.unwrap(),
            entries(1, kept..=first + 9)
        );
    }
}

#[test]
fn a_column_family_that_is_missing_or_shared_is_named() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let error = Store::open(db.clone(), "nope", META_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "nope"));
    let error = Store::open(db.clone(), LOG_CF, "neither", Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::MissingColumnFamily(name) if name == "neither"));
    let error = Store::open(db, LOG_CF, LOG_CF, Flat).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::SharedColumnFamily(name) if name == LOG_CF));
}

#[test]
fn a_database_that_must_exist_is_not_created() {
    let dir = TempDir::new().unwrap();
    let options = LogDbOptions::default().create_if_missing(false);
    let error = open_db(dir.path().join("unmounted"), options).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
    assert!(!dir.path().join("unmounted/CURRENT").exists());
}

/// Returns the options with which the database in `dir` was opened last, as RocksDB has written them.
fn stored_options(dir: &TempDir) -> String {
    let Image(files) = Image::of(dir);
    let (_, bytes) = files.iter().rfind(|(name, _)| name.starts_with("OPTIONS")).unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

fn shared(dir: &TempDir, column_families: &[&str]) -> Result<Arc<DB>, RocksdbLogStoreError> {
    open_db_with(
        dir.path(),
        db_options(),
        column_families.iter().map(|name| (*name, Options::default())),
    )
}

#[tokio::test]
async fn a_shared_database_has_the_column_families_of_the_log_and_those_of_the_caller() {
    let dir = TempDir::new().unwrap();
    for round in 0..2 {
        let db = shared(&dir, &["accounts"]).unwrap();
        db.put_cf(&db.cf_handle("accounts").unwrap(), "alice", "100").unwrap();
        open(&db, Flat)
            .blocking_append(entries(1, round..=round))
            .await
            .unwrap();
    }
    let options = stored_options(&dir);
    assert!(
        options.contains("use_direct_io_for_flush_and_compaction=true"),
        "{options}"
    );
    // A column family that is not named is RocksDB's error, which names it.
    let error = shared(&dir, &[]).unwrap_err();
    assert!(
        matches!(error, RocksdbLogStoreError::Rocksdb(_)) && error.to_string().contains("accounts"),
        "{error}"
    );
}

#[test]
fn the_options_of_the_callers_column_families_count_also_for_those_of_the_log() {
    let dir = TempDir::new().unwrap();
    let mut log = log_cf_options();
    log.set_write_buffer_size(123_456);
    let mut accounts = Options::default();
    accounts.set_write_buffer_size(234_567);
    let db = open_db_with(dir.path(), db_options(), [(LOG_CF, log), ("accounts", accounts)]).unwrap();
    open(&db, Flat);
    let options = stored_options(&dir);
    for (family, size) in [(LOG_CF, 123_456), ("accounts", 234_567), (META_CF, 64 << 20)] {
        let section = options.split_once(&format!("[CFOptions \"{family}\"]")).unwrap().1;
        let size = format!("write_buffer_size={size}\n");
        assert!(
            section.split("[").next().unwrap().contains(&size),
            "{family}: {section}"
        );
    }
}

/// RocksDB itself would take the damage for the end of the log.
#[tokio::test]
async fn a_shared_database_is_checked_before_it_is_opened() {
    let dir = TempDir::new().unwrap();
    let db = shared(&dir, &["accounts"]).unwrap();
    open(&db, Flat).blocking_append(entries(1, 0..=9)).await.unwrap();
    drop(db);
    let image = Image::of(&dir);
    let wal = image.newest_wal();
    let cut = image.0[wal][..image.0[wal].len() - 20].to_vec();
    let damaged = image.with(wal, Some(cut)).write();
    let error = shared(&damaged, &["accounts"]).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Damaged { .. }), "{error}");
}

/// openraft warns that a node that comes back under its old id without its log can split the cluster.
#[test]
fn an_error_about_lost_writes_says_what_to_do() {
    let path = "raft".into();
    let file = "raft/000004.log".into();
    for error in [
        RocksdbLogStoreError::Damaged {
            file,
            intact: 1,
            synced: 2,
        },
        RocksdbLogStoreError::MissingFile("raft/CURRENT".into()),
        RocksdbLogStoreError::BehindSynced {
            path,
            sequence: 1,
            synced: 2,
        },
    ] {
        let text = error.to_string();
        for what in ["put the files back", "under a new node id", "log_store::accept_loss"] {
            assert!(text.contains(what), "{text}");
        }
    }
}
