//! Appends entries to a log, reads them and purges them soon after, as a node with snapshots does.

use std::fs;
use std::time::{Duration, Instant};

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use tokio::runtime::Runtime;

use super::baseline::{Durable, Usual};
use super::figures::number;
use super::harness::{median, ratios};
use super::report::{Report, Target};
use super::{Database, Settings, Types, entry, log_id};

/// Entries per cycle.
const CYCLE: u64 = 100;

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    purged_log(settings, runtime, report);
    bytes_written(settings, runtime, report);
}

fn purged_log(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let cycles = settings.scaled(100_000);
    let name = format!("append {CYCLE}, read them, purge, {} cycles", number(cycles as f64, ""));
    if !settings.args.picks(&name) {
        return;
    }
    let (own, others) = (Database::new(), Database::new());
    let mut store = own.store(1);
    let mut usual = Usual::new(others.db.clone(), GroupPrefixed::new(1), Durable::InAppend);
    let (mut next, mut next_usual) = (0, 0);
    let (mut rates, mut usual_rates) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let tenth = Tenth {
            runtime,
            cycles: cycles / 10,
            time: Duration::MAX,
        };
        let start = Instant::now();
        rates.push(tenth.cycle(&own, &mut store, &mut next));
        // The usual store gets the same time, and runs as many cycles as it can.
        let tenth = Tenth {
            time: start.elapsed(),
            ..tenth
        };
        usual_rates.push(tenth.cycle(&others, &mut usual, &mut next_usual));
    }
    let [a, b] = [&rates, &usual_rates].map(|rates| number(median(rates), "/s"));
    let figures = format!("{a} against {b}");
    report.row(
        &name,
        "(b)",
        Target::AtLeast(10.0),
        &ratios(&rates, &usual_rates),
        "",
        figures,
    );
    let [first, .., last] = rates[..] else { return };
    let figures = format!("{} after {}", number(last, "/s"), number(first, "/s"));
    report.row(
        &name,
        "the last tenth to the first",
        Target::AtLeast(0.9),
        &[last / first],
        "",
        figures,
    );
}

/// A tenth of the run. It ends after `cycles` cycles or when `time` has passed, whichever comes first.
struct Tenth<'a> {
    runtime: &'a Runtime,
    cycles: u64,
    time: Duration,
}

impl Tenth<'_> {
    /// Runs cycles from the index `next` on, and moves `next` to the end of the log. Returns the number of cycles per
    /// second.
    fn cycle<S>(&self, database: &Database, store: &mut S, next: &mut u64) -> f64
    where
        S: RaftLogStorage<Types> + RaftLogReader<Types>,
    {
        let payload = "x".repeat(128);
        let syncs = database.syncs();
        let before = syncs();
        let start = Instant::now();
        let mut done = 0;
        self.runtime.block_on(async {
            while done < self.cycles && (done == 0 || start.elapsed() < self.time) {
                let indexes = *next..*next + CYCLE;
                let entries: Vec<_> = indexes.clone().map(|index| entry(index, &payload)).collect();
                store.blocking_append(entries).await.unwrap();
                let read = store.try_get_log_entries(indexes.clone()).await.unwrap();
                assert_eq!(read.len() as u64, CYCLE);
                store.purge(log_id(indexes.end - 1)).await.unwrap();
                *next = indexes.end;
                done += 1;
            }
        });
        assert!(
            syncs() - before >= done,
            "an append is acknowledged that was not synced"
        );
        done as f64 / start.elapsed().as_secs_f64()
    }
}

fn bytes_written(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let name = "append 64 of 4 KiB, purge all but 1,000";
    if !settings.args.picks(name) || written().is_none() {
        return;
    }
    let appends = settings.scaled(1000);
    let (own, others) = (Database::new(), Database::new());
    let own = runtime.block_on(write_amplification(own.store(1), appends));
    let usual = Usual::new(others.db.clone(), GroupPrefixed::new(1), Durable::InAppend);
    let others = runtime.block_on(write_amplification(usual, appends));
    let figures = format!("(b): {}", number(others, ""));
    report.row(
        name,
        "bytes to the disk for one of payload",
        Target::AtMost(2.2),
        &[own],
        "",
        figures,
    );
}

/// Appends entries and purges all but about the last 1,000. Returns how many bytes this writes to the disk per byte of
/// payload.
async fn write_amplification<S: RaftLogStorage<Types>>(mut store: S, appends: u64) -> f64 {
    const ENTRIES: u64 = 64;
    let payload = "x".repeat(4096);
    let before = written().unwrap();
    for append in 0..appends {
        let indexes = append * ENTRIES..(append + 1) * ENTRIES;
        let last = indexes.end - 1;
        let entries: Vec<_> = indexes.map(|index| entry(index, &payload)).collect();
        store.blocking_append(entries).await.unwrap();
        if let Some(purged) = last.checked_sub(1000) {
            store.purge(log_id(purged)).await.unwrap();
        }
    }
    (written().unwrap() - before) as f64 / (appends * ENTRIES * payload.len() as u64) as f64
}

/// Returns how many bytes this process has written to disks, or `None` on a system that does not count them.
fn written() -> Option<u64> {
    let io = fs::read_to_string("/proc/self/io").ok()?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.parse().ok()
}
