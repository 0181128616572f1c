//! The report of a run: a table of all figures beside their targets, and the charts.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use super::chart::Chart;
use super::figures::number;
use super::harness::{median, quantile};

/// The target of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
    /// The figure has no target.
    None,
}

/// The figures that were measured so far, as rows of a table, and the charts.
pub(crate) struct Report {
    rows: Vec<String>,
    charts: Vec<Chart>,
    missed: usize,
    load_before: String,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            charts: Vec::new(),
            missed: 0,
            load_before: load_average(),
        }
    }

    /// Adds a row with the median of `rounds`, whose values are in `unit`, and notes whether the median meets `target`.
    /// `what` says what is measured or what the log store is compared with, and `figures` is a remark, such as the
    /// figures from which a ratio was computed.
    pub(crate) fn row(
        &mut self,
        workload: impl Display,
        what: impl Display,
        target: Target,
        rounds: &[f64],
        unit: &str,
        figures: impl Display,
    ) {
        let measured = median(rounds);
        let (target, met) = match target {
            Target::AtLeast(least) => (format!("at least {}", number(least, unit)), Some(measured >= least)),
            Target::AtMost(most) => (format!("at most {}", number(most, unit)), Some(measured <= most)),
            Target::Under(limit) => (format!("under {}", number(limit, unit)), Some(measured < limit)),
            Target::None => (String::new(), None),
        };
        let note = match met {
            None => "",
            Some(true) => "met",
            Some(false) => {
                self.missed += 1;
                "**missed**"
            }
        };
        let spread = match rounds {
            [_] => String::new(),
            _ => {
                let [low, high] = [0.25, 0.75].map(|q| number(quantile(rounds, q), unit));
                format!("{low} to {high}")
            }
        };
        let measured = number(measured, unit);
        let row = format!("| {workload} | {what} | {target} | **{measured}** | {spread} | {figures} | {note} |");
        println!("{row}");
        self.rows.push(row);
    }

    pub(crate) fn chart(&mut self, chart: Chart) {
        println!("{}\n\n{}", chart.title, chart.table());
        self.charts.push(chart);
    }

    /// Prints the report, and writes the report and its charts into `dir`.
    pub(crate) fn finish(self, dir: &Path, settings: &str) {
        fs::create_dir_all(dir).unwrap();
        let charts = self.charts.iter().map(|chart| {
            chart.draw(dir);
            format!("\n## {}\n\n![]({}.svg)\n\n{}", chart.title, chart.file, chart.table())
        });
        let report = format!(
            "# Benchmarks of the log store\n\n\
             {settings} The machine has {cores} cores, and its load average was {before} before the run. A measured \
             figure is the median of all rounds, and half of the rounds lie within the spread. The median meets a \
             target or misses it.\n\n\
             (a) is the disk: the same bytes are written to a file, then `fdatasync`. \
             (b) is the usual store: a synced `WriteBatch` in each `append`. \
             (c) is the usual store with a write in `append`, then `flush_wal(true)` on a thread of tokio's pool. \
             A figure without a unit is the log store's value divided by the other's.\n\n\
             | workload | measured against | target | measured | spread | figures | note |\n\
             |---|---|--:|--:|--:|---|---|\n\
             {rows}\n\n\
             Targets missed: {missed}.\n{charts}",
            cores = available_parallelism().unwrap(),
            before = self.load_before,
            rows = self.rows.join("\n"),
            missed = self.missed,
            charts = charts.collect::<String>(),
        );
        let path = dir.join("report.md");
        fs::write(&path, &report).unwrap();
        println!("\n{report}\n{}", path.display());
    }
}

/// Returns the machine's load average over the last minute, or `?` on a system that does not report it.
fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ')
        .next()
        .filter(|l| !l.is_empty())
        .unwrap_or("?")
        .to_owned()
}
