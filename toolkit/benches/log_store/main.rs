//! The log store against the disk, and against the log stores that one would write.
//!
//! Every append counts when it is synced, which is asserted. `-- WORD` after `cargo bench --bench log_store`
//! picks the workloads that are named like it, `-- --short` takes a tenth of the time. The report is
//! written to `target/bench/report.md`.

#![allow(clippy::unwrap_used)]

mod appends;
mod baseline;
#[path = "../harness/mod.rs"]
mod harness;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::log_store::{
    GroupPrefixed, LOG_CF, META_CF, RocksdbLogStore, db_options, log_cf_options, meta_cf_options,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft_toolkit::openraft::entry::RaftEntry;
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

/// A database of one side, which is removed with it.
struct Database {
    db: Arc<DB>,
    options: Arc<Options>,
    dir: TempDir,
}

impl Database {
    fn new() -> Self {
        // Not in /tmp, which may be in memory.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut options = db_options();
        options.enable_statistics();
        let column_families = [
            ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
            ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
        ];
        let db = DB::open_cf_descriptors(&options, dir.path(), column_families).unwrap();
        Self {
            db: Arc::new(db),
            options: Arc::new(options),
            dir,
        }
    }

    /// The toolkit's store of a group.
    fn store(&self, group: u64) -> Store {
        Store::open(self.db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group)).unwrap()
    }

    /// Counts how often RocksDB has synced its WAL.
    fn syncs(&self) -> impl Fn() -> u64 + Send + use<> {
        let options = self.options.clone();
        move || options.get_ticker_count(Ticker::WalFileSynced)
    }
}

/// How much is measured.
struct Settings {
    args: Args,
    rounds: usize,
    /// What a side is given in a round, at the least.
    time: Duration,
}

impl Settings {
    fn new(args: Args) -> Self {
        let (rounds, millis) = match (args.measure, args.has("--short")) {
            (true, false) => (7, 500),
            (true, true) => (3, 150),
            (false, _) => (1, 5),
        };
        Self {
            args,
            rounds,
            time: Duration::from_millis(millis),
        }
    }
}

fn main() {
    let start = Instant::now();
    let settings = Settings::new(Args::new());
    let runtime = Runtime::new().unwrap();
    let mut report = Report::new();
    appends::run(&settings, &runtime, &mut report);

    let described = format!(
        "{} rounds of {} ms, {:.0} s in all.",
        settings.rounds,
        settings.time.as_millis(),
        start.elapsed().as_secs_f64()
    );
    // Where Cargo keeps what benchmarks leave behind lies in the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    report.finish(&target.join("bench/report.md"), &described);
}
