//! The table that a run ends with.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use super::chart::Chart;
use super::harness::{median, quantile};

/// What a figure is meant to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
    /// A figure to know, such as what the disk would allow.
    None,
}

/// What was measured so far.
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

    /// The median of `rounds`, whose figures are in `unit`; `figures` are those behind it.
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

    /// Prints the report, and writes it and its charts into `dir`.
    pub(crate) fn finish(self, dir: &Path, settings: &str) {
        fs::create_dir_all(dir).unwrap();
        let charts = self.charts.iter().map(|chart| {
            chart.draw(dir);
            format!("\n## {}\n\n![]({}.svg)\n\n{}", chart.title, chart.file, chart.table())
        });
        let report = format!(
            "# Benchmarks of the log store\n\n\
             {settings} On {cores} cores, the load average was {before} before. Measured are medians of all \
             rounds, half of which lie in the spread. A figure is met or missed by its median.\n\n\
             (a) the disk: the same bytes written to a file, and `fdatasync`. \
             (b) the usual store: a synced `WriteBatch` in each `append`. \
             (c) a write in `append`, then `flush_wal(true)` on a thread of tokio's pool. \
             Figures without a unit are how many times theirs ours is.\n\n\
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

/// Three digits, as far as they mean anything.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let value = match value.abs() {
        100.0.. => thousands(value),
        _ if value.fract() == 0.0 => format!("{value}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    format!("{value}{unit}")
}

/// A number of bytes.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        1024.. => format!("{} KiB", bytes / 1024),
        _ => format!("{bytes} B"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How busy the machine was in the last minute.
fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ')
        .next()
        .filter(|l| !l.is_empty())
        .unwrap_or("?")
        .to_owned()
}
