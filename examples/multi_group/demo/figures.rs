//! Measures what the nodes use between two points in time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanCount};

use super::cluster::{Cluster, FOUNDERS};
use super::load::Done;
use crate::stats::Stats;
use crate::types::NodeId;

/// The counters of the first three nodes at one point in time.
pub struct Reading {
    at: Instant,
    nodes: BTreeMap<NodeId, Stats>,
}

impl Reading {
    pub async fn now(cluster: &Cluster) -> anyhow::Result<Self> {
        let mut nodes = BTreeMap::new();
        for id in FOUNDERS {
            nodes.insert(id, cluster.stats(id).await?);
        }
        Ok(Self {
            at: Instant::now(),
            nodes,
        })
    }

    /// Returns what one node has used since this reading.
    pub async fn until_now(self, cluster: &Cluster) -> anyhow::Result<Usage> {
        let now = Self::now(cluster).await?;
        let nodes = self.nodes.len() as f64;
        let seconds = (now.at - self.at).as_secs_f64();
        let rate = |counter: fn(&Stats) -> u64| {
            let sum = |reading: &Self| reading.nodes.values().map(counter).sum::<u64>();
            sum(&now).saturating_sub(sum(&self)) as f64 / seconds / nodes
        };
        let held = |gauge: fn(&Stats) -> u64| now.nodes.values().map(gauge).max().unwrap_or_default();
        Ok(Usage {
            fsyncs: rate(|stats| stats.fsyncs),
            messages: rate(|stats| stats.messages),
            socket_writes: rate(|stats| stats.socket_writes),
            cpu: rate(|stats| stats.cpu_ms) / 1_000.0,
            tasks: held(|stats| stats.tasks),
            threads: held(|stats| stats.threads),
            file_handles: held(|stats| stats.file_handles),
            memory: held(|stats| stats.memory_kib) << 10,
        })
    }
}

/// What one node uses. Rates are per second, as an average over the nodes. All other values are those of the node with
/// the highest value.
pub struct Usage {
    /// Fsyncs per second.
    pub fsyncs: f64,
    pub messages: f64,
    pub socket_writes: f64,
    /// Cores in use.
    pub cpu: f64,
    pub tasks: u64,
    pub threads: u64,
    pub file_handles: u64,
    /// Resident memory in bytes.
    pub memory: u64,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  each node: {:.1}% of a core, {} messages/s in {} socket writes/s, {} fsyncs/s\n  \
               and holds: {}, {} tasks, {} threads, {} file handles",
            self.cpu * 100.0,
            count(self.messages),
            count(self.socket_writes),
            count(self.fsyncs),
            BinaryBytes(self.memory),
            count(self.tasks as f64),
            self.threads,
            self.file_handles,
        )
    }
}

/// Returns a line with the clients' rate and latencies, and the average number of writes per fsync of a node.
pub fn throughput(done: &Done, usage: &Usage) -> String {
    format!(
        "  {} writes/s, p50 {}, p99 {}; {:.1} writes an fsync",
        count(done.writes_per_second()),
        millis(done.latency(0.5)),
        millis(done.latency(0.99)),
        done.writes_per_second() / usage.fsyncs.max(1.0),
    )
}

pub fn count(number: f64) -> String {
    HumanCount(number.round() as u64).to_string()
}

pub fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
