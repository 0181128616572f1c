//! Appends by one group or by many, each with a fixed number of appends in flight.
//!
//! The log store is compared under the same load with up to three others: (a) the disk, (b) the usual store with a sync
//! in each `append`, and (c) the usual store that syncs on another thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit::openraft::alias::OneshotReceiverOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogStorage};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use tokio::runtime::Runtime;

use super::baseline::{Disk, Durable, Usual};
use super::figures::{number, size};
use super::harness::{median, quantile, ratios, take_turns};
use super::report::Target::{AtLeast, None, Under};
use super::report::{Report, Target};
use super::{Database, Settings, Types, entry};

/// Only one in this many appends reads the count of syncs, because reading the count takes time.
const SAMPLE: u64 = 16;

/// How appends are made, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) groups: u64,
    /// How many appends each group has in flight.
    pub(crate) in_flight: usize,
    /// Entries per append.
    pub(crate) entries: u64,
    /// Bytes of payload per entry.
    pub(crate) payload: usize,
    pub(crate) time: Duration,
}

/// What is measured under a load: the log store, or something that it is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Side {
    Toolkit,
    /// The disk, with this many entries per sync.
    Disk(usize),
    Usual(Durable),
}

pub(crate) const B: Side = Side::Usual(Durable::InAppend);
const C: Side = Side::Usual(Durable::OnBlockingThread);

/// The figures of one side in one round. For the disk, only the rate is measured.
pub(crate) struct Outcome {
    /// Durable entries per second.
    pub(crate) rate: f64,
    /// The p99 latency: milliseconds from the call of `append` to its callback.
    pub(crate) p99: f64,
    /// The longest latency: milliseconds from the call of `append` to its callback.
    longest: f64,
    /// The p99 lateness of a timer of 1 ms on the same runtime, in milliseconds.
    pub(crate) late: f64,
}

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let mut compare = |name: &str, load: Load, targets: &[(Side, Target)]| {
        let name = format!("{name}, {}", size(load.payload));
        if !settings.args.picks(&name) {
            return;
        }
        let mut sides = vec![Side::Toolkit];
        sides.extend(targets.iter().map(|(side, _)| *side));
        let outcomes = take_turns(settings.rounds, &sides, |side| load.carried_by(*side, runtime));
        let rates: Vec<Vec<f64>> = outcomes.iter().map(|side| of(side, |o| o.rate)).collect();
        for ((side, target), other) in targets.iter().zip(&rates[1..]) {
            let what = match side {
                Side::Disk(1) => "(a)".to_owned(),
                Side::Disk(batch) => format!("(a), {} a sync", number(*batch as f64, "")),
                Side::Usual(Durable::OnBlockingThread) => "(c)".to_owned(),
                _ => "(b)".to_owned(),
            };
            let [own, others] = [&rates[0], other].map(|rates| number(median(rates), "/s"));
            let figures = format!("{own} against {others}");
            report.row(&name, what, *target, &ratios(&rates[0], other), "", figures);
        }
        if load.groups == 1000 {
            let b = sides.len() - 1;
            let p99 = of(&outcomes[0], |o| o.p99);
            // The usual store blocks the runtime, so that some of its groups wait long for their turn.
            let [longest, other] = [0, b].map(|side| number(median(&of(&outcomes[side], |o| o.longest)), " ms"));
            let figures = format!("the longest {longest}; (b): {other}");
            report.row(&name, "p99 from append to callback", Under(10.0), &p99, " ms", figures);
            let [late, others] = [0, b].map(|side| of(&outcomes[side], |o| o.late));
            let figures = format!("(b): {}", number(median(&others), " ms"));
            report.row(
                &name,
                "a 1 ms timer meanwhile, p99 late",
                Under(4.0),
                &late,
                " ms",
                figures,
            );
        }
    };
    for payload in [128, 4096] {
        let load = |groups, in_flight, times| Load {
            groups,
            in_flight,
            entries: 1,
            payload,
            time: settings.time * times,
        };
        let (disk, disk_64) = (Side::Disk(1), Side::Disk(64));
        compare(
            "one group, one at a time",
            load(1, 1, 1),
            &[(disk, AtLeast(0.85)), (B, None)],
        );
        compare(
            "one group, 64 in flight",
            load(1, 64, 1),
            &[(disk_64, None), (B, AtLeast(20.0))],
        );
        let targets = [(Side::Disk(256), AtLeast(0.5)), (B, AtLeast(100.0)), (C, AtLeast(3.0))];
        compare("one group, 1,024 in flight", load(1, 1024, 1), &targets);
        compare(
            "64 groups, each one at a time",
            load(64, 1, 1),
            &[(disk_64, None), (B, AtLeast(18.0))],
        );
        // Measure for three times as long: at the rate of (b), each of 1,000 groups otherwise gets too few turns.
        let targets = [(Side::Disk(1000), None), (B, AtLeast(45.0))];
        compare("1,000 groups, each one at a time", load(1000, 1, 3), &targets);
    }
}

fn of(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> f64) -> Vec<f64> {
    outcomes.iter().map(figure).collect()
}

impl Load {
    pub(crate) fn carried_by(&self, side: Side, runtime: &Runtime) -> Outcome {
        // Use a new database each time, so that no side starts with the files of another.
        let database = Database::new();
        let groups = 0..self.groups;
        match side {
            Side::Disk(batch) => self.on_disk(&database, batch),
            Side::Toolkit => self.on(&database, groups.map(|g| database.store(g)).collect(), runtime),
            Side::Usual(durable) => {
                let usual = |group| Usual::new(database.db.clone(), GroupPrefixed::new(group), durable);
                self.on(&database, groups.map(usual).collect(), runtime)
            }
        }
    }

    fn on_disk(&self, database: &Database, batch: usize) -> Outcome {
        let mut disk = Disk::create(database.dir.path());
        // Write as many bytes as a store does: a key of 16 bytes, and the value.
        let entry = openraft_toolkit::encode(1, &entry(1000, &"x".repeat(self.payload))).unwrap();
        let bytes = [vec![0; 16], entry].concat().repeat(batch);
        disk.append(&bytes);
        let start = Instant::now();
        let mut syncs = 0;
        while start.elapsed() < self.time {
            disk.append(&bytes);
            syncs += 1;
        }
        Outcome {
            rate: (syncs * batch) as f64 / start.elapsed().as_secs_f64(),
            p99: 0.0,
            longest: 0.0,
            late: 0.0,
        }
    }

    pub(crate) fn on<S: RaftLogStorage<Types>>(
        &self,
        database: &Database,
        stores: Vec<S>,
        runtime: &Runtime,
    ) -> Outcome {
        let payload: Arc<str> = "x".repeat(self.payload).into();
        let running = Arc::new(AtomicBool::new(true));
        runtime.block_on(async {
            let late = tokio::spawn(lateness(running.clone()));
            let start = Instant::now();
            let groups: Vec<_> = stores
                .into_iter()
                .map(|store| {
                    let syncs = database.syncs();
                    tokio::spawn(appends(store, payload.clone(), *self, start + self.time, syncs))
                })
                .collect();
            let mut latencies = Vec::new();
            for group in groups {
                latencies.extend(group.await.unwrap());
            }
            let elapsed = start.elapsed();
            running.store(false, Ordering::Relaxed);
            Outcome {
                rate: latencies.len() as f64 * self.entries as f64 / elapsed.as_secs_f64(),
                p99: quantile(&latencies, 0.99),
                longest: quantile(&latencies, 1.0),
                late: quantile(&late.await.unwrap(), 0.99),
            }
        })
    }
}

/// An append that is not acknowledged yet.
struct Pending {
    start: Instant,
    /// How many syncs RocksDB had made before the append, or `None` if this append did not read that count.
    before: Option<u64>,
    durable: OneshotReceiverOf<Types, io::Result<()>>,
}

/// Appends until `end`, and asserts that sampled appends are synced. Returns for each append the milliseconds from the
/// call to its callback.
async fn appends<S: RaftLogStorage<Types>>(
    mut store: S,
    payload: Arc<str>,
    load: Load,
    end: Instant,
    syncs: impl Fn() -> u64,
) -> Vec<f64> {
    let mut latencies = Vec::new();
    let mut pending: VecDeque<Pending> = VecDeque::new();
    // The log may already have entries.
    let last = store.get_log_state().await.unwrap().last_log_id;
    let mut next = last.map_or(0, |last| last.index + 1);
    let mut appends = 0_u64;
    loop {
        let more = appends == 0 || Instant::now() < end;
        if pending.len() == load.in_flight || !more {
            let Some(Pending { start, before, durable }) = pending.pop_front() else {
                return latencies;
            };
            durable.await.unwrap().unwrap();
            latencies.push(start.elapsed().as_secs_f64() * 1e3);
            assert!(
                before.is_none_or(|before| syncs() > before),
                "an append is acknowledged that was not synced"
            );
            continue;
        }
        let before = appends.is_multiple_of(SAMPLE).then(&syncs);
        let start = Instant::now();
        let (tx, durable) = Types::oneshot();
        let entries = (next..next + load.entries).map(|index| entry(index, &payload));
        store.append(entries, IOFlushed::signal(tx)).await.unwrap();
        pending.push_back(Pending { start, before, durable });
        next += load.entries;
        appends += 1;
    }
}

/// Runs a timer of 1 ms again and again. Returns for each time how many milliseconds late the timer was.
async fn lateness(running: Arc<AtomicBool>) -> Vec<f64> {
    let mut late = Vec::new();
    while late.is_empty() || running.load(Ordering::Relaxed) {
        let due = Instant::now() + Duration::from_millis(1);
        tokio::time::sleep_until(due.into()).await;
        late.push(due.elapsed().as_secs_f64() * 1e3);
    }
    late
}
