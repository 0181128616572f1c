//! Copies of a running database that RocksDB or the log store makes open with everything that was acknowledged before
//! they were begun.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use openraft_toolkit::log_store::{
    GroupPrefixed, LOG_CF, META_CF, RocksdbLogStore, RocksdbLogStoreError, checkpoint, open_db_read_only, recover,
    verify,
};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::configuration::{Configuration, options_of};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Types, entries, entry, open, open_dir};
use openraft_toolkit_tests::run::rounds;
use rocksdb::backup::{BackupEngine, BackupEngineOptions, RestoreOptions};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{DB, Env};
use tempfile::TempDir;

const GROUPS: u64 = 4;

/// Groups that append all the time, and how many entries of each are acknowledged.
struct Load {
    acknowledged: Arc<Vec<AtomicU64>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(db: &Arc<DB>) -> Self {
        let acknowledged = Arc::new((0..GROUPS).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
        let tasks = (0..GROUPS).map(|group| {
            let (db, acknowledged) = (db.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut store = open(&db, GroupPrefixed::new(group));
                store.save_vote(&VoteOf::<Types>::new(2, 1)).await.unwrap();
                for index in 0.. {
                    let data = format!("{index} {}", "x".repeat(200));
                    store.blocking_append([entry(1, index, data)]).await.unwrap();
                    acknowledged[group as usize].store(index + 1, SeqCst);
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            acknowledged,
        }
    }

    fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.iter().map(|count| count.load(SeqCst)).collect()
    }

    async fn wait_for_more(&self) {
        let before = self.acknowledged();
        while self
            .acknowledged()
            .iter()
            .zip(&before)
            .any(|(now, before)| *now < before + 5)
        {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Opens a copy and checks that each group has at least the entries that were acknowledged, in one piece.
async fn check_copy(dir: &Path, configuration: Configuration, acknowledged: &[u64]) {
    let open_copy = || {
        recover(dir).unwrap_or_else(|e| panic!("{configuration:?}: {e}"));
        let db = DB::open_cf(&options_of(configuration), dir, [LOG_CF, META_CF]);
        Arc::new(db.unwrap_or_else(|e| panic!("{configuration:?}: {e}")))
    };
    let db = open_copy();
    for (group, acknowledged) in acknowledged.iter().enumerate() {
        let keys = GroupPrefixed::new(group as u64);
        let mut store = RocksdbLogStore::<Types, _>::open(db.clone(), LOG_CF, META_CF, keys).unwrap();
        let found = store.try_get_log_entries(..).await.unwrap();
        assert!(
            found.len() as u64 >= *acknowledged,
            "{configuration:?}: {} of {acknowledged}",
            found.len()
        );
        assert!(found.iter().map(|entry| entry.log_id.index).eq(0..found.len() as u64));
        store
            .blocking_append([entry(2, found.len() as u64, "next")])
            .await
            .unwrap();
    }
    for group in verify::<Types>(&db, LOG_CF, META_CF, None).unwrap() {
        assert!(group.problems.is_empty(), "{group:?}");
    }
    drop(db);
    drop(open_copy());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_and_backups_under_load_have_all_that_was_acknowledged_before() {
    let configurations = [
        ("defaults", ""),
        ("manual WAL flush", "manual_wal_flush=true"),
        ("small memtables", "write_buffer_size=65536;max_manifest_file_size=1"),
    ];
    let mut copies = 0;
    for configuration in configurations {
        let dir = TempDir::new().unwrap();
        let db = Arc::new(DB::open_cf(&options_of(configuration), dir.path(), [LOG_CF, META_CF]).unwrap());
        let load = Load::start(&db);
        let elsewhere = TempDir::new().unwrap();
        let backups = BackupEngineOptions::new(elsewhere.path().join("backups")).unwrap();
        let mut backups = BackupEngine::open(&backups, &Env::new().unwrap()).unwrap();
        for round in 0..rounds(2, 20) {
            let path = |name: &str| elsewhere.path().join(format!("{name}-{round}"));
            type Copy<'a> = Box<dyn FnMut(&Path) + 'a>;
            let mut copy_kinds: Vec<(&str, Copy<'_>)> = vec![
                ("checkpoint", Box::new(|to| checkpoint(&db, to).unwrap())),
                (
                    "flushed",
                    Box::new(|to| Checkpoint::new(&db).unwrap().create_checkpoint(to).unwrap()),
                ),
                (
                    "unflushed",
                    Box::new(|to| {
                        let checkpoint = Checkpoint::new(&db).unwrap();
                        checkpoint.create_checkpoint_with_log_size(to, u64::MAX).unwrap();
                    }),
                ),
            ];
            for (name, copy) in &mut copy_kinds {
                load.wait_for_more().await;
                let acknowledged = load.acknowledged();
                tokio::task::block_in_place(|| copy(&path(name)));
                check_copy(&path(name), configuration, &acknowledged).await;
                copies += 1;
            }
            drop(copy_kinds);
            for flush in [true, false] {
                load.wait_for_more().await;
                let acknowledged = load.acknowledged();
                let to = path(if flush { "flushed-backup" } else { "backup" });
                tokio::task::block_in_place(|| {
                    backups.create_new_backup_flush(&db, flush).unwrap();
                    let restored = backups.restore_from_latest_backup(&to, &to, &RestoreOptions::default());
                    restored.unwrap();
                });
                check_copy(&to, configuration, &acknowledged).await;
                copies += 1;
            }
        }
    }
    println!("copies under load: {copies}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_notices_damage_as_the_database_does() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(1));
    store.blocking_append(entries(1, 0..=9)).await.unwrap();
    let copy = elsewhere.path().join("copy");
    checkpoint(&db, &copy).unwrap();

    // The copy is a database of its own.
    assert!(copy.join(ACCOUNT).exists());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    let groups = verify::<Types>(&open_db_read_only(&copy).unwrap(), LOG_CF, META_CF, None).unwrap();
    assert_eq!(groups[0].entries, 10);
    store.blocking_append(entries(1, 10..=19)).await.unwrap();
    let groups = verify::<Types>(&open_db_read_only(&copy).unwrap(), LOG_CF, META_CF, None).unwrap();
    assert_eq!(groups[0].entries, 10);

    // The flushed entries are gone with the end of the MANIFEST.
    let image = Image::of(&copy);
    let manifest = image.0.keys().find(|name| name.starts_with("MANIFEST")).unwrap();
    let bytes = &image.0[manifest];
    let cut = image.with(manifest, Some(bytes[..bytes.len() - 1].to_vec())).write();
    let error = recover(&cut).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_checkpoint_never_replaces_a_directory() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let db = open_dir(&dir);
    fs::write(elsewhere.path().join("file"), "mine").unwrap();
    let error = checkpoint(&db, elsewhere.path()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Io { .. }), "{error}");
    assert_eq!(fs::read_to_string(elsewhere.path().join("file")).unwrap(), "mine");
    checkpoint(&db, elsewhere.path().join("no such directory/copy")).unwrap_err();
}

#[tokio::test]
async fn the_path_of_a_checkpoint_may_end_with_a_slash() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let db = open_dir(&dir);
    checkpoint(&db, elsewhere.path().join("copy/")).unwrap();
    open_db_read_only(elsewhere.path().join("copy")).unwrap();
}
