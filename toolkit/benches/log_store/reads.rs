//! Measures reads of the end of a long log, and scans of the whole log.

use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit::openraft::storage::RaftLogReader;
use tokio::runtime::Runtime;

use super::baseline::{Durable, Usual};
use super::figures::number;
use super::harness::{median, ratios, take_turns};
use super::report::{Report, Target};
use super::{Database, Settings, Types, fill};

/// How many entries a scan reads at a time.
pub(crate) const CHUNK: u64 = 256;

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let entries = settings.scaled(1_000_000);
    let scan_name = format!("scan {} in chunks of 256", number(entries as f64, ""));
    let last = [1, 64].map(|count| (count, format!("read the last {count} entries of 128 B")));
    if !settings.args.picks(&scan_name) && !last.iter().any(|(_, name)| settings.args.picks(name)) {
        return;
    }
    let database = Database::new();
    let mut store = database.store(1);
    runtime.block_on(fill(&mut store, 0..entries));
    let mut usual = Usual::new(database.db.clone(), GroupPrefixed::new(1), Durable::InAppend);

    for (count, name) in last {
        let time = settings.time / 5;
        let rates = take_turns(settings.rounds, &[true, false], |own| match own {
            true => runtime.block_on(read_at(&mut store, entries - count..entries, time)),
            false => runtime.block_on(read_at(&mut usual, entries - count..entries, time)),
        });
        compare(report, &name, Target::AtLeast(3.0), &rates, "/s");
    }

    let before = resident();
    runtime.block_on(scan(&mut store, entries));
    if let (Some(before), Some(after)) = (before, resident()) {
        let grown = after.saturating_sub(before) as f64 / 1024.0;
        let figures = format!("of {} entries of 128 B", number(entries as f64, ""));
        // The target includes the 32 MiB that RocksDB's block cache may take.
        report.row(
            &scan_name,
            "resident memory grown",
            Target::Under(48.0),
            &[grown],
            " MiB",
            figures,
        );
    }
    let rates = take_turns(settings.rounds, &[true, false], |own| match own {
        true => runtime.block_on(scan(&mut store, entries)),
        false => runtime.block_on(scan(&mut usual, entries)),
    });
    compare(report, &scan_name, Target::AtLeast(1.2), &rates, " entries/s");
}

fn compare(report: &mut Report, name: &str, target: Target, rates: &[Vec<f64>], unit: &str) {
    let [own, usual] = [&rates[0], &rates[1]];
    let figures = format!("{} against {}", number(median(own), unit), number(median(usual), unit));
    report.row(name, "(b)", target, &ratios(own, usual), "", figures);
}

/// Reads `range` again and again for about `time`. Returns the reads per second.
pub(crate) async fn read_at(reader: &mut impl RaftLogReader<Types>, range: Range<u64>, time: Duration) -> f64 {
    let start = Instant::now();
    let mut reads = 0;
    while reads == 0 || start.elapsed() < time {
        for _ in 0..16 {
            let entries = reader.try_get_log_entries(range.clone()).await.unwrap();
            assert_eq!(entries.len() as u64, range.end - range.start);
            reads += 1;
        }
    }
    f64::from(reads) / start.elapsed().as_secs_f64()
}

/// Reads the entries from index 0 up to `end`, exclusive, in chunks. Returns the entries per second.
pub(crate) async fn scan(reader: &mut impl RaftLogReader<Types>, end: u64) -> f64 {
    let start = Instant::now();
    let mut next = 0;
    while next < end {
        let entries = reader.try_get_log_entries(next..(next + CHUNK).min(end)).await.unwrap();
        next = entries.last().unwrap().log_id.index + 1;
    }
    end as f64 / start.elapsed().as_secs_f64()
}

/// Returns the resident memory of this process in KiB, or `None` on a system that does not report it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
