//! The nodes of the demo, a connection to each, and the operations of the demo on them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use openraft_toolkit::openraft::BasicNode;
use tokio::time::timeout;

use crate::connection::Connection;
use crate::eventually::eventually;
use crate::ports::free_ports;
use crate::processes::Processes;
use crate::rpc::{GetStats, GroupView, Host, List, Rpc};
use crate::run::Timing;
use crate::stats::Stats;
use crate::types::{GroupId, NodeId};

/// The nodes on which the groups are founded.
pub const FOUNDERS: [NodeId; 3] = [1, 2, 3];

/// The node that groups are moved to.
pub const NEWCOMER: NodeId = 4;

/// How long an operation on a group may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many operations run at the same time.
const AT_ONCE: usize = 64;

pub struct Cluster {
    timing: Timing,
    processes: Processes,
    addrs: BTreeMap<NodeId, String>,
    connections: BTreeMap<NodeId, Connection>,
}

impl Cluster {
    pub fn new(timing: Timing) -> anyhow::Result<Self> {
        let addrs: BTreeMap<_, _> = (1..=NEWCOMER)
            .zip(free_ports(NEWCOMER as usize)?)
            .map(|(id, port)| (id, format!("127.0.0.1:{port}")))
            .collect();
        let connections = addrs
            .iter()
            .map(|(id, addr)| (*id, Connection::open(*id, addr.clone())));
        Ok(Self {
            timing,
            processes: Processes::new("multi-group-")?,
            connections: connections.collect(),
            addrs,
        })
    }

    pub fn connections(&self) -> &BTreeMap<NodeId, Connection> {
        &self.connections
    }

    pub fn members(&self, ids: &BTreeSet<NodeId>) -> BTreeMap<NodeId, BasicNode> {
        ids.iter().map(|id| (*id, self.node(*id))).collect()
    }

    pub fn node(&self, id: NodeId) -> BasicNode {
        BasicNode::new(&self.addrs[&id])
    }

    /// Starts a node, for the first time or again, with the same flags. Returns when it serves.
    pub async fn start(&mut self, id: NodeId) -> anyhow::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["node", "--id", &id.to_string(), "--listen", &self.addrs[&id], "--dir"])
            .arg(self.processes.node_folder(id))
            .args(["--heartbeat-ms", &self.timing.heartbeat_ms.to_string()])
            .args(["--idle-ms", &self.timing.idle_ms.to_string()])
            .args(self.timing.awake.then_some("--awake"))
            .arg("--exit-with-stdin");
        self.processes.start(id, command)?;
        eventually(&format!("waiting for node {id} to serve"), async || {
            self.stats(id).await.map(drop)
        })
        .await
    }

    /// Ends a node with SIGKILL, so that it cannot write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.processes.kill(id)
    }

    /// Asks all nodes to end, and waits until they have.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.processes.stop().await
    }

    pub async fn call<R: Rpc>(&self, id: NodeId, group: GroupId, rpc: &R) -> anyhow::Result<R::Reply> {
        let reply = timeout(PATIENCE, self.connections[&id].call(group, rpc)).await;
        reply
            .map_err(|_| anyhow!("no answer within {PATIENCE:?}"))
            .and_then(|reply| reply)
            .with_context(|| format!("node {id}, group {group}, {}", R::PATH))
    }

    pub async fn stats(&self, id: NodeId) -> anyhow::Result<Stats> {
        self.call(id, 0, &GetStats {}).await
    }

    /// Asks each running node for all its groups. Returns the groups as each node sees them.
    pub async fn list(&self) -> anyhow::Result<BTreeMap<NodeId, BTreeMap<GroupId, GroupView>>> {
        let mut lists = BTreeMap::new();
        for id in self.processes.running.keys() {
            lists.insert(*id, self.call(*id, 0, &List {}).await?.0);
        }
        Ok(lists)
    }

    /// Founds groups on the first three nodes. Each node founds a third of the groups, and leads these groups.
    pub async fn found(&self, groups: impl Iterator<Item = GroupId>) -> anyhow::Result<()> {
        for_each(groups, async |group| {
            let first = FOUNDERS[group as usize % FOUNDERS.len()];
            for id in FOUNDERS.into_iter().filter(|id| *id != first) {
                self.call(id, group, &Host { founders: None }).await?;
            }
            let founders = Some(self.members(&FOUNDERS.into()));
            self.call(first, group, &Host { founders }).await?;
            Ok(())
        })
        .await
    }

    /// Waits until every group has a leader that all its replicas know. Returns the leaders.
    pub async fn leaders(&self) -> anyhow::Result<BTreeMap<GroupId, NodeId>> {
        eventually("waiting for leaders", async || {
            let mut leaders = BTreeMap::new();
            for (id, groups) in self.list().await? {
                for (group, view) in groups {
                    let leader = view
                        .leader
                        .ok_or_else(|| anyhow!("group {group} on node {id} has no leader"))?;
                    let known = *leaders.entry(group).or_insert(leader);
                    ensure!(leader == known, "group {group} has the leader {leader} or {known}");
                }
            }
            Ok(leaders)
        })
        .await
    }

    /// Waits until all groups have fallen asleep.
    pub async fn asleep(&self) -> anyhow::Result<()> {
        eventually("waiting for the groups to fall asleep", async || {
            for (node, groups) in self.list().await? {
                let awake = groups.values().filter(|view| !view.asleep).count();
                ensure!(awake == 0, "{awake} groups are awake on node {node}");
            }
            Ok(())
        })
        .await
    }

    /// Returns the last lines that every node logged, for an error report.
    pub fn last_log_lines(&self) -> String {
        self.processes.last_log_lines(self.addrs.keys().copied())
    }
}

/// Calls `action` for all groups, for several groups at the same time. Stops at the first error.
pub async fn for_each(
    groups: impl IntoIterator<Item = GroupId>,
    action: impl AsyncFn(GroupId) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    stream::iter(groups)
        .map(|group| action(group))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
