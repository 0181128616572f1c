//! The table at the end of the demo.

use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;

pub struct Report {
    pub acknowledged: usize,
    pub lost: usize,
    pub reads: usize,
    pub nodes: usize,
    pub failover: Duration,
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize| HumanCount(n as u64).to_string();
        let per_second = self.acknowledged as f64 / self.took.as_secs_f64();
        let rows = [
            ("writes acknowledged", count(self.acknowledged), String::new()),
            (
                "lost",
                count(self.lost),
                format!("in {} reads of {} nodes", count(self.reads), self.nodes),
            ),
            ("failover", format!("{:.2?}", self.failover), "without a write".into()),
            (
                "throughput",
                count(per_second as usize),
                "writes/s, failover included".into(),
            ),
        ];
        for (what, value, note) in rows {
            writeln!(f, "{}", format!("{what:<20} {value:>10}  {note}").trim_end())?;
        }
        Ok(())
    }
}
