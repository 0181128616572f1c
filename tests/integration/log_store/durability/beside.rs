//! A database is read beside the node that writes it, while the node replaces its files all the time.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use openraft_toolkit::log_store::{
    GroupPrefixed, LOG_CF, META_CF, RocksdbLogStoreError, db_options, groups, log_cf_options, open_db_read_only,
    open_db_with, verify,
};
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit_tests::log::{Types, entry, log_id, open};
use openraft_toolkit_tests::node::DEADLINE;
use openraft_toolkit_tests::run::rounds;
use rocksdb::{DB, Options};
use tempfile::TempDir;

use super::super::written_group::vote;

/// Opens a database that flushes after a few appends, and that begins a MANIFEST with each change of its files.
fn open_busy(dir: &TempDir) -> Arc<DB> {
    let mut options = db_options();
    options.set_max_manifest_file_size(1);
    let small = |mut options: Options| {
        options.set_write_buffer_size(64 << 10);
        options
    };
    let families = [(LOG_CF, small(log_cf_options())), ("busy", Options::default())];
    open_db_with(dir.path(), options, families).unwrap()
}

/// A node that appends, purges and votes until it is dropped, and tells what it has acknowledged.
struct Node {
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Node {
    fn start(db: &Arc<DB>) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut store = open(db, GroupPrefixed::new(1));
        let appends = {
            let (acknowledged, stop) = (acknowledged.clone(), stop.clone());
            async move {
                let large = "x".repeat(2 << 10);
                let mut index = 0;
                while !stop.load(SeqCst) {
                    index += 1;
                    store.save_vote(&vote(index)).await.unwrap();
                    store.blocking_append([entry(index, index, &large)]).await.unwrap();
                    acknowledged.store(index, SeqCst);
                    if index > 200 {
                        store.purge(log_id(index - 200, index - 200)).await.unwrap();
                    }
                }
            }
        };
        let appends = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(appends);
        });
        let flushes = [META_CF, "busy"].map(|cf| {
            let (db, stop) = (db.clone(), stop.clone());
            thread::spawn(move || {
                while !stop.load(SeqCst) {
                    db.put_cf(&db.cf_handle("busy").unwrap(), "key", "value").unwrap();
                    db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
                }
            })
        });
        Self {
            acknowledged,
            stop,
            threads: [appends].into_iter().chain(flushes).collect(),
        }
    }
}

impl Node {
    /// Waits until an index after `index` is acknowledged, and returns it.
    fn next_acknowledged(&self, index: u64) -> u64 {
        let start = Instant::now();
        loop {
            match self.acknowledged.load(SeqCst) {
                acknowledged if acknowledged > index => return acknowledged,
                _ => assert!(start.elapsed() < DEADLINE, "the node appends nothing"),
            }
            thread::yield_now();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn every_opening_beside_a_busy_node_shows_all_that_was_acknowledged_before_it() {
    let dir = TempDir::new().unwrap();
    let db = open_busy(&dir);
    let node = Node::start(&db);
    let openings = rounds(200, 3_000);
    let mut shown = 0;
    for _ in 0..openings {
        let acknowledged = node.next_acknowledged(shown);
        let beside = open_db_read_only(dir.path()).unwrap();
        // A hole, or a vote that is older than the last entry, would be a problem.
        let verified = verify::<Types>(&beside, LOG_CF, META_CF, None).unwrap();
        assert!(verified.iter().all(|group| group.problems.is_empty()), "{verified:?}");
        let groups = groups::<Types>(&beside, LOG_CF, META_CF).unwrap();
        shown = groups[0].state.as_ref().unwrap().last.unwrap().index;
        assert!(
            shown >= acknowledged,
            "{acknowledged} was acknowledged, and {shown} is shown"
        );
    }
}

/// A damaged table is opened, and found to be damaged, again and again.
#[test]
fn damage_beside_a_busy_node_is_an_error_at_once() {
    let dir = TempDir::new().unwrap();
    let db = open_busy(&dir);
    // Nobody else writes to this column family, so that its table stays.
    db.put("key", "value").unwrap();
    db.flush().unwrap();
    let files = db.live_files().unwrap();
    let table = files.iter().find(|file| file.column_family_name == "default").unwrap();
    let table = dir.path().join(table.name.trim_start_matches('/'));
    let node = Node::start(&db);
    node.next_acknowledged(0);
    open_db_read_only(dir.path()).unwrap();

    fs::File::options()
        .write(true)
        .open(&table)
        .unwrap()
        .set_len(10)
        .unwrap();
    let start = Instant::now();
    let error = open_db_read_only(dir.path()).unwrap_err();

    assert!(matches!(error, RocksdbLogStoreError::Rocksdb(_)), "{error}");
    let name = table.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
