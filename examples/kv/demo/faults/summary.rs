//! The table at the end: the faults, the operations and the checker's verdict.

use std::collections::BTreeMap;
use std::fmt;

use indicatif::HumanCount;
use openraft_toolkit::test_fakes::linearizability::{Stats, Violation};

use super::super::verify::Checked;
use super::schedule::Fault;

pub struct Summary {
    pub made: BTreeMap<Fault, usize>,
    pub verdict: Result<Stats, Violation>,
    /// The comparison of each node's values with the leader's values at the end.
    pub replicas: Checked,
    pub keys: usize,
}

impl Summary {
    pub fn is_clean(&self) -> bool {
        self.verdict.is_ok() && self.replicas.lost == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, count: usize, note: &str| {
            let count = HumanCount(count as u64).to_string();
            writeln!(f, "{}", format!("{what:<35} {count:>8}  {note}").trim_end())
        };
        row("faults", self.made.values().sum(), "")?;
        for (fault, count) in &self.made {
            row(&format!("  {fault}"), *count, "")?;
        }
        let reads = format!("in {} reads of {} keys from each node", self.replicas.reads, self.keys);
        match &self.verdict {
            Ok(stats) => {
                row("operations", stats.operations(), "")?;
                row("  answered", stats.returned, "")?;
                row("  refused", stats.failed, "nothing was done")?;
                row("  unknown", stats.unknown, "no answer: done, not done, or done later")?;
                row("differences between nodes", self.replicas.lost, &reads)?;
                row("violations", 0, "the clients' answers are linearizable")
            }
            Err(violation) => {
                row("differences between nodes", self.replicas.lost, &reads)?;
                row("violations", 1, "the clients' answers are not linearizable")?;
                write!(f, "\n{violation}")
            }
        }
    }
}
