//! Clients that write to all groups, and the list of their acknowledged writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::cluster::FOUNDERS;
use crate::connection::Connection;
use crate::rpc::{Write, Written};
use crate::types::{GroupId, NodeId};

/// How long a client waits for an answer before it tries another node.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a client repeats one write before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the clients know about a group. Several loads use the same target, one after the other.
pub struct Target {
    pub id: GroupId,
    /// How many writes were acknowledged, which is the value of the group's counter.
    acknowledged: AtomicU64,
    /// The node that acknowledged the last write.
    leader: AtomicU64,
}

impl Target {
    pub fn new(id: GroupId) -> Self {
        Self {
            id,
            acknowledged: AtomicU64::new(0),
            leader: AtomicU64::new(FOUNDERS[id as usize % FOUNDERS.len()]),
        }
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// An acknowledged write.
#[derive(Clone, Copy)]
pub struct Ack {
    pub group: GroupId,
    pub at: Instant,
    pub latency: Duration,
}

/// Clients that write in a closed loop: each client waits for the acknowledgement of one write before it makes the next
/// write.
pub struct Load {
    started: Instant,
    stop: Arc<AtomicBool>,
    clients: JoinSet<anyhow::Result<Vec<Ack>>>,
}

impl Load {
    pub fn start(targets: &[Arc<Target>], connections: &BTreeMap<NodeId, Connection>, clients: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = clients.min(targets.len() as u64) as usize;
        let shares = (0..clients).map(|client| Client {
            targets: targets.iter().skip(client).step_by(clients).cloned().collect(),
            connections: connections.clone(),
            stop: stop.clone(),
        });
        Self {
            started: Instant::now(),
            clients: shares.map(Client::run).collect(),
            stop,
        }
    }

    /// Lets each client finish its write, and returns the acknowledged writes.
    pub async fn stop(mut self) -> anyhow::Result<Done> {
        self.stop.store(true, Ordering::Relaxed);
        let mut acks = Vec::new();
        while let Some(client) = self.clients.join_next().await {
            acks.extend(client??);
        }
        Ok(Done {
            acks,
            took: self.started.elapsed(),
        })
    }
}

pub struct Done {
    pub acks: Vec<Ack>,
    pub took: Duration,
}

impl Done {
    pub fn writes_per_second(&self) -> f64 {
        self.acks.len() as f64 / self.took.as_secs_f64()
    }

    /// Returns the latency that the given share of the writes did not exceed.
    pub fn latency(&self, share: f64) -> Duration {
        let mut latencies: Vec<_> = self.acks.iter().map(|ack| ack.latency).collect();
        latencies.sort_unstable();
        let last = latencies.len().saturating_sub(1);
        latencies
            .get((last as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Returns, for each group, the latency of the slowest write that was acknowledged after `start`.
    pub fn slowest_since(&self, start: Instant) -> BTreeMap<GroupId, Duration> {
        let mut slowest = BTreeMap::new();
        for ack in self.acks.iter().filter(|ack| ack.at >= start) {
            let known: &mut Duration = slowest.entry(ack.group).or_default();
            *known = ack.latency.max(*known);
        }
        slowest
    }
}

struct Client {
    targets: Vec<Arc<Target>>,
    connections: BTreeMap<NodeId, Connection>,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn run(self) -> anyhow::Result<Vec<Ack>> {
        let mut acks = Vec::new();
        for target in self.targets.iter().cycle() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            self.write(target).await?;
            let at = Instant::now();
            acks.push(Ack {
                group: target.id,
                at,
                latency: at - start,
            });
        }
        Ok(acks)
    }

    /// Makes one write, and repeats the write until it is acknowledged. The state machine counts a repeated write once.
    async fn write(&self, target: &Target) -> anyhow::Result<()> {
        let start = Instant::now();
        let from = target.acknowledged();
        let mut others = self.connections.keys().copied().cycle();
        let mut node = target.leader.load(Ordering::Relaxed);
        loop {
            let written = timeout(CLIENT_TIMEOUT, self.connections[&node].call(target.id, &Write { from })).await;
            let (redirect, why) = match written {
                Ok(Ok(Written::At(count))) => {
                    ensure!(
                        count == from + 1,
                        "group {}: a write moved the counter from {from} to {count}",
                        target.id
                    );
                    target.acknowledged.store(count, Ordering::Relaxed);
                    target.leader.store(node, Ordering::Relaxed);
                    return Ok(());
                }
                Ok(Ok(Written::NotLeader(leader))) => (leader, anyhow!("the leader is {leader:?}")),
                // The node is down, does not host the group, or has no majority.
                Ok(Err(error)) => (None, error),
                Err(_) => (None, anyhow!("no answer within {CLIENT_TIMEOUT:?}")),
            };
            ensure!(
                start.elapsed() < PATIENCE,
                "no write to group {} within {PATIENCE:?}; the last try, at node {node}: {why:#}",
                target.id
            );
            sleep(Duration::from_millis(20)).await;
            node = redirect.or_else(|| others.next()).unwrap_or(node);
        }
    }
}
