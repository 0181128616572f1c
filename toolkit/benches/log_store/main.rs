//! Compares the log store with the disk, and with log stores as users would write them.
//!
//! An append counts only after it is synced. The benchmarks check this with RocksDB's count of syncs, most of
//! them for a sample of the appends. `-- WORD` after `cargo bench --bench log_store` picks the workloads whose name
//! contains the word, and `-- --short` takes about a tenth of the time. The report and its charts are written to
//! `target/bench`.
//!
//! `baseline` has the disk and the usual log stores, which the log store is compared with. `appends`, `cycles`,
//! `reads`, `opening`, `allocations`, `cluster` and `growth` are the workloads; `growth` varies one size per chart.
//! `harness` measures, `allocator` counts allocations, and `slow_disk` makes syncs slow. `report` and `chart` write the
//! results, and `figures` formats the numbers in them.

#![allow(clippy::unwrap_used)]

mod allocations;
mod allocator;
mod appends;
mod baseline;
mod chart;
mod cluster;
mod cycles;
mod figures;
mod growth;
#[path = "../harness/mod.rs"]
mod harness;
mod opening;
mod reads;
mod report;
mod slow_disk;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::log_store::{
    GroupPrefixed, LOG_CF, META_CF, RocksdbLogStore, db_options, log_cf_options, meta_cf_options,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId};
use rocksdb::statistics::Ticker;
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::harness::Args;
use self::report::Report;

declare_raft_types_ext! {
    Types: Node = (), AppData = String, AppDataResponse = ()
}

type Entry = EntryOf<Types>;
type Store = RocksdbLogStore<Types, GroupPrefixed>;

fn log_id(index: u64) -> LogIdOf<Types> {
    LogId::new(LeaderIdOf::<Types>::new(1, 1).to_committed(), index)
}

fn entry(index: u64, payload: &str) -> Entry {
    Entry::new(log_id(index), EntryPayload::Normal(payload.to_string()))
}

/// A database of one side, in a directory that is removed when this is dropped.
struct Database {
    db: Arc<DB>,
    options: Arc<Options>,
    dir: TempDir,
}

impl Database {
    fn new() -> Self {
        Self::at(tempdir())
    }

    fn at(dir: TempDir) -> Self {
        let (db, options) = open_rocksdb(dir.path());
        Self {
            db: Arc::new(db),
            options: Arc::new(options),
            dir,
        }
    }

    /// Opens the toolkit's store of a group.
    fn store(&self, group: u64) -> Store {
        Store::open(self.db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group)).unwrap()
    }

    /// Returns a function that returns how often RocksDB has synced its WAL.
    fn syncs(&self) -> impl Fn() -> u64 + Send + use<> {
        let options = self.options.clone();
        move || options.get_ticker_count(Ticker::WalFileSynced)
    }
}

fn tempdir() -> TempDir {
    // Do not use `/tmp`, because it may be a tmpfs, where a sync costs nothing.
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Opens a database with the options of `open_db`, and with RocksDB's counters turned on.
fn open_rocksdb(path: &Path) -> (DB, Options) {
    let mut options = db_options();
    // `open_db` sets this too.
    options.set_use_direct_io_for_flush_and_compaction(true);
    options.enable_statistics();
    let column_families = [
        ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
        ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
    ];
    let db = DB::open_cf_descriptors(&options, path, column_families).unwrap();
    (db, options)
}

/// Appends entries at the indexes of `range`, each with a payload of 128 B, and waits until they are durable.
async fn fill(store: &mut Store, range: Range<u64>) {
    let payload = "x".repeat(128);
    for first in range.clone().step_by(1000) {
        let chunk: Vec<_> = (first..range.end.min(first + 1000))
            .map(|index| entry(index, &payload))
            .collect();
        store.blocking_append(chunk).await.unwrap();
    }
}

/// Returns the number of entries in a log that starts at index 0 and was never purged.
async fn length(store: &mut Store) -> u64 {
    let last = store.get_log_state().await.unwrap().last_log_id;
    last.map_or(0, |last| last.index + 1)
}

/// How many rounds a benchmark runs, how long a round is, and how much data it uses.
struct Settings {
    args: Args,
    rounds: usize,
    /// The time that a side is measured in a round. Some benchmarks use a multiple or a part of this time.
    time: Duration,
    /// The divisor of [`scaled`](Self::scaled), which makes shorter runs use less data.
    scale: u64,
}

impl Settings {
    fn new(args: Args) -> Self {
        let (rounds, millis, scale) = match (args.measure, args.has("--short")) {
            (true, false) => (7, 500, 1),
            (true, true) => (3, 150, 10),
            (false, _) => (1, 5, 1000),
        };
        Self {
            args,
            rounds,
            time: Duration::from_millis(millis),
            scale,
        }
    }

    /// Returns `count`, such as the length of a log or a number of groups, divided by the scale.
    fn scaled(&self, count: u64) -> u64 {
        count / self.scale
    }
}

fn main() {
    let start = Instant::now();
    let settings = Settings::new(Args::new());
    let runtime = Runtime::new().unwrap();
    let mut report = Report::new();
    appends::run(&settings, &runtime, &mut report);
    cycles::run(&settings, &runtime, &mut report);
    reads::run(&settings, &runtime, &mut report);
    opening::run(&settings, &runtime, &mut report);
    allocations::run(&settings, &runtime, &mut report);
    cluster::run(&settings, &runtime, &mut report);
    growth::run(&settings, &runtime, &mut report);

    if !settings.args.measure {
        return;
    }
    let described = format!(
        "{} rounds of {} ms, {:.0} s in all.",
        settings.rounds,
        settings.time.as_millis(),
        start.elapsed().as_secs_f64()
    );
    // The benchmarks' temporary directory is directly in the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    report.finish(&target.join("bench"), &described);
}
