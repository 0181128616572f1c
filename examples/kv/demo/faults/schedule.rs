//! The faults that are made, their order and their durations. A seed determines all of them.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::NODES;
use crate::types::NodeId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The nodes get SIGKILL, and are restarted when the fault ends.
    Kill(Whom),
    /// The nodes get SIGSTOP, and SIGCONT when the fault ends.
    Pause(Whom),
    /// The other nodes hear nothing from these nodes.
    Mute(Whom),
    /// These nodes hear nothing from the other nodes.
    Deafen(Whom),
    /// These nodes and the other nodes hear nothing from each other.
    Isolate(Whom),
    /// Each node hears nothing from its predecessor in a ring of all nodes.
    Ring,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// The node that leads when the fault is made.
    Leader,
    Minority,
    Majority,
    All,
}

use Fault::{Deafen, Isolate, Kill, Mute, Pause, Ring};
use Whom::{All, Leader, Majority, Minority};

const OF_PROCESSES: &[Fault] = &[
    Kill(Leader),
    Kill(Minority),
    Kill(All),
    Pause(Leader),
    Pause(Minority),
    Pause(Majority),
];

const OF_LINKS: &[Fault] = &[
    Mute(Leader),
    Mute(Minority),
    Deafen(Leader),
    Deafen(Minority),
    Isolate(Leader),
    Isolate(Minority),
    Ring,
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kill(whom) => write!(f, "SIGKILL to {whom}"),
            Pause(whom) => write!(f, "SIGSTOP to {whom}"),
            Mute(whom) => write!(f, "nobody hears {whom}"),
            Deafen(whom) => write!(f, "nothing reaches {whom}"),
            Isolate(whom) => write!(f, "no link to {whom}"),
            Ring => write!(f, "no node hears the one before it"),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leader => "the leader",
            Minority => "a minority",
            Majority => "a majority",
            All => "all nodes",
        })
    }
}

#[derive(Debug, PartialEq)]
pub struct Step {
    pub fault: Fault,
    /// The order in which nodes are chosen for a minority or a majority.
    pub order: [NodeId; NODES],
    /// How long the fault lasts.
    pub lasts: Duration,
    /// How long the cluster has no fault afterwards.
    pub rest: Duration,
}

/// An endless sequence of steps, in rounds. Each fault comes once in a round.
pub struct Schedule {
    faults: Vec<Fault>,
    /// The faults of this round that are still to come.
    round: Vec<Fault>,
    rng: Rng,
}

impl Schedule {
    /// Creates the schedule of a seed; `links` tells whether links can be cut. The same arguments give the same steps.
    pub fn new(seed: u64, links: bool) -> Self {
        Self {
            faults: [OF_PROCESSES, if links { OF_LINKS } else { &[] }].concat(),
            round: Vec::new(),
            rng: Rng::with_seed(seed),
        }
    }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.round.is_empty() {
            self.round.clone_from(&self.faults);
            self.rng.shuffle(&mut self.round);
        }
        let mut order = std::array::from_fn(|node| node as NodeId + 1);
        self.rng.shuffle(&mut order);
        Some(Step {
            fault: self.round.pop()?,
            order,
            // A fault lasts longer than the election timeout.
            lasts: Duration::from_millis(self.rng.u64(900..2_500)),
            rest: Duration::from_millis(self.rng.u64(200..1_000)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_the_schedule() {
        let schedule = |seed| Schedule::new(seed, true).take(50).collect::<Vec<_>>();
        assert_eq!(schedule(1), schedule(1));
        assert_ne!(schedule(1), schedule(2));
    }

    #[test]
    fn each_fault_comes_once_a_round() {
        let round: BTreeSet<_> = Schedule::new(1, true).take(13).map(|step| step.fault).collect();
        assert_eq!(round.len(), 13);
        let round: BTreeSet<_> = Schedule::new(1, false).take(6).map(|step| step.fault).collect();
        assert_eq!(round.len(), 6);
        assert!(OF_LINKS.iter().all(|fault| !round.contains(fault)));
    }
}
