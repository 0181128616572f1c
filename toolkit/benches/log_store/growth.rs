//! Measures how figures change while a size grows: the payload, the entries per append, the number of groups, or the
//! length of the log. Two more workloads read a backlog while appending, and append to a slow disk.

use std::time::Instant;

use openraft_toolkit::openraft::storage::RaftLogReader;
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use super::appends::{B, Load, Side};
use super::chart::Chart;
use super::figures::number;
use super::harness::{median, take_turns};
use super::reads::{CHUNK, read_at, scan};
use super::report::{Report, Target};
use super::slow_disk::while_syncs_take;
use super::{Database, Settings, fill};

/// The number of rounds. It is lower than in other benchmarks, because only the slope matters here.
const ROUNDS: usize = 3;

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let growth = Growth { settings, runtime };
    growth.payload(report);
    growth.entries(report);
    growth.groups(report);
    growth.log(report);
    growth.backlog(report);
    growth.slow_disk(report);
}

struct Growth<'a> {
    settings: &'a Settings,
    runtime: &'a Runtime,
}

impl Growth<'_> {
    fn load(&self) -> Load {
        Load {
            groups: 1,
            in_flight: 1,
            entries: 1,
            payload: 128,
            time: self.settings.time / 2,
        }
    }

    /// Fills a chart with the entries per second that each side makes durable.
    fn rates(&self, mut chart: Chart, names: &[&str], loads: impl Iterator<Item = (f64, Load, Vec<Side>)>) -> Chart {
        chart.lines = names.iter().map(|name| (name.to_string(), Vec::new())).collect();
        for (x, load, sides) in loads {
            let rounds = ROUNDS.min(self.settings.rounds);
            let rates = take_turns(rounds, &sides, |side| load.carried_by(*side, self.runtime).rate);
            for ((_, line), rates) in chart.lines.iter_mut().zip(rates) {
                line.push((x, median(&rates)));
            }
        }
        chart
    }

    fn payload(&self, report: &mut Report) {
        let chart = Chart {
            file: "payload",
            title: "One group, 64 in flight, as payloads grow".to_owned(),
            x: "bytes of payload",
            y: "appends a second",
            lines: Vec::new(),
        };
        if !self.settings.args.picks(&chart.title) {
            return;
        }
        let sizes = [16, 128, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
        let loads = sizes.into_iter().map(|payload| {
            let load = Load {
                in_flight: 64,
                payload,
                ..self.load()
            };
            (payload as f64, load, vec![Side::Toolkit, B, Side::Disk(64)])
        });
        let names = [
            "RocksdbLogStore",
            "(b) a sync in each append",
            "(a) the disk, 64 a sync",
        ];
        report.chart(self.rates(chart, &names, loads));
    }

    fn entries(&self, report: &mut Report) {
        let chart = Chart {
            file: "entries",
            title: "One append at a time, as its entries get more, 128 B".to_owned(),
            x: "entries of an append",
            y: "entries a second",
            lines: Vec::new(),
        };
        if !self.settings.args.picks(&chart.title) {
            return;
        }
        let loads = [1, 4, 16, 64, 256, 1024, 4096].into_iter().map(|entries| {
            let load = Load { entries, ..self.load() };
            (
                entries as f64,
                load,
                vec![Side::Toolkit, B, Side::Disk(entries as usize)],
            )
        });
        let names = [
            "RocksdbLogStore",
            "(b) a sync in each append",
            "(a) the disk, as many a sync",
        ];
        report.chart(self.rates(chart, &names, loads));
    }

    fn groups(&self, report: &mut Report) {
        let chart = Chart {
            file: "groups",
            title: "Raft groups in one database, each appends one entry of 128 B at a time".to_owned(),
            x: "groups",
            y: "durable appends a second",
            lines: Vec::new(),
        };
        if !self.settings.args.picks(&chart.title) {
            return;
        }
        let most = self.settings.scaled(10_000).max(10);
        let loads = [1, 10, 100, 1_000, 10_000]
            .into_iter()
            .filter(|groups| *groups <= most)
            .map(|groups| {
                let load = Load {
                    groups,
                    time: self.settings.time,
                    ..self.load()
                };
                (groups as f64, load, vec![Side::Toolkit, B])
            });
        let names = ["RocksdbLogStore", "a sync in each append"];
        report.chart(self.rates(chart, &names, loads));
    }

    fn log(&self, report: &mut Report) {
        let mut chart = Chart {
            file: "log",
            title: "One group, as its log grows, 128 B".to_owned(),
            x: "entries of the log",
            y: "a second",
            lines: Vec::new(),
        };
        if !self.settings.args.picks(&chart.title) {
            return;
        }
        let names = [
            "appends, 64 in flight",
            "reads of the last 64",
            "reads of the first 64",
            "openings of the group",
        ];
        chart.lines = names.map(|name| (name.to_owned(), Vec::new())).into();
        let database = Database::new();
        let mut length = 0;
        for power in 3..=7 {
            let goal = self.settings.scaled(10_u64.pow(power)).max(100);
            let mut store = database.store(1);
            self.runtime.block_on(fill(&mut store, length..goal));
            length = goal;
            let time = self.settings.time / 2;
            let last = self.runtime.block_on(read_at(&mut store, length - 64..length, time));
            let first = self.runtime.block_on(read_at(&mut store, 0..64, time));
            drop(store);
            let start = Instant::now();
            let openings = 20;
            for _ in 0..openings {
                drop(database.store(1));
            }
            let opened = f64::from(openings) / start.elapsed().as_secs_f64();
            // The entries that this load appends stay in the log, so read the length of the log again afterwards.
            let store = database.store(1);
            let load = Load {
                in_flight: 64,
                ..self.load()
            };
            let appended = load.on(&database, vec![store], self.runtime).rate;
            let mut store = database.store(1);
            length = self.runtime.block_on(super::length(&mut store));
            for ((_, line), figure) in chart.lines.iter_mut().zip([appended, last, first, opened]) {
                line.push((goal as f64, figure));
            }
        }
        report.chart(chart);
    }

    /// Reads the log from its start while new entries are appended, as a leader does for a follower that was down.
    fn backlog(&self, report: &mut Report) {
        let entries = self.settings.scaled(1_000_000);
        let name = format!(
            "read a backlog of {} while appending, 64 in flight",
            number(entries as f64, "")
        );
        if !self.settings.args.picks(&name) {
            return;
        }
        let load = Load {
            in_flight: 64,
            time: self.settings.time,
            ..self.load()
        };
        let alone = take_turns(ROUNDS, &[()], |()| load.carried_by(Side::Toolkit, self.runtime).rate);
        let database = Database::new();
        let mut store = database.store(1);
        self.runtime.block_on(fill(&mut store, 0..entries));
        let scanned_alone = self.runtime.block_on(scan(&mut store, entries));

        let mut reader = store.clone();
        let scanning = self.runtime.spawn(async move {
            let start = Instant::now();
            let (mut next, mut read) = (0, 0);
            while start.elapsed() < load.time {
                // Let other tasks run after each chunk, as a leader does while it sends the chunk over a network.
                yield_now().await;
                let chunk = next..(next + CHUNK).min(entries);
                read += reader.try_get_log_entries(chunk.clone()).await.unwrap().len();
                next = chunk.end % entries;
            }
            read as f64 / start.elapsed().as_secs_f64()
        });
        let appended = load.on(&database, vec![store], self.runtime).rate;
        let scanned = self.runtime.block_on(scanning).unwrap();
        let figures = format!("{} alone", number(median(&alone[0]), "/s"));
        report.row(&name, "appends meanwhile", Target::None, &[appended], "/s", figures);
        let figures = format!("{} alone", number(scanned_alone, "/s"));
        report.row(&name, "entries read meanwhile", Target::None, &[scanned], "/s", figures);
    }

    fn slow_disk(&self, report: &mut Report) {
        if !cfg!(target_os = "linux") {
            return;
        }
        for (what, groups, in_flight) in [
            ("one group, one at a time", 1, 1),
            ("one group, 1,024 in flight", 1, 1024),
            ("1,000 groups, each one at a time", 1000, 1),
        ] {
            let name = format!("a disk whose sync takes 10 ms: {what}, 128 B");
            if !self.settings.args.picks(&name) {
                continue;
            }
            let load = Load {
                groups,
                in_flight,
                time: self.settings.time * 2,
                ..self.load()
            };
            let (own, other) = while_syncs_take(10, || {
                let own = load.carried_by(Side::Toolkit, self.runtime);
                // The usual store syncs one append at a time, so more appends in flight would change nothing.
                let other = Load { in_flight: 1, ..load }.carried_by(B, self.runtime);
                (own, other)
            });
            let figures = format!(
                "p99 {}, a 1 ms timer {} late; (b): {}, timer {} late",
                number(own.p99, " ms"),
                number(own.late, " ms"),
                number(other.rate, "/s"),
                number(other.late, " ms")
            );
            report.row(&name, "appends", Target::None, &[own.rate], "/s", figures);
        }
    }
}
