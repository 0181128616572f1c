//! The nodes of a demo, and what it asks of them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{anyhow, ensure};

use super::eventually::eventually;
use super::hosts::Host;
use super::processes::Processes;
use crate::client::Client;
use crate::types::NodeId;
use crate::view::ClusterView;

pub struct Cluster {
    pub client: Client,
    /// What nodes are started as from now on.
    pub program: PathBuf,
    /// When they build snapshots, and what they keep of the log.
    snapshots: &'static [&'static str],
    pub(super) processes: Processes,
    /// Of node 1, and so on.
    hosts: Vec<Host>,
    marks: u32,
}

impl Cluster {
    /// A cluster of as many nodes as there are hosts at most, of which none is started yet.
    pub fn new(
        client: Client,
        program: PathBuf,
        snapshots: &'static [&'static str],
        hosts: Vec<Host>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            client,
            program,
            snapshots,
            processes: Processes::new("kv-demo-")?,
            hosts,
            marks: 0,
        })
    }

    pub fn folder(&self) -> &Path {
        self.processes.folder()
    }

    pub fn addr(&self, id: NodeId) -> String {
        self.host(id).addr.clone()
    }

    /// Where the running nodes serve.
    pub fn addrs(&self) -> Vec<String> {
        self.processes.running.keys().map(|id| self.addr(*id)).collect()
    }

    /// Starts a node, or starts it again: the flags are the same.
    pub fn start(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.processes.start(id, self.command(id))
    }

    /// What starts a node.
    pub fn command(&self, id: NodeId) -> Command {
        let mut line = self
            .host(id)
            .enter
            .iter()
            .map(OsStr::new)
            .chain([self.program.as_os_str()]);
        let mut command = Command::new(line.next().unwrap_or_default());
        command
            .args(line)
            .args(["node", "--id", &id.to_string(), "--listen", &self.addr(id), "--dir"])
            .arg(self.node_folder(id))
            // A name of its own, so that it never mixes with another demo on this machine.
            .arg("--cluster")
            .arg(self.folder().file_name().unwrap_or_default())
            .args(self.snapshots)
            .arg("--exit-with-stdin");
        command
    }

    /// Where a node keeps what it stores.
    pub fn node_folder(&self, id: NodeId) -> PathBuf {
        self.processes.node_folder(id)
    }

    /// Ends a node with SIGKILL: it has no chance to write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.processes.kill(id)
    }

    /// Starts these nodes, and forms a cluster of them; returns its leader and the term.
    pub async fn form(&mut self, founders: &[NodeId]) -> anyhow::Result<(NodeId, u64)> {
        for id in founders {
            self.start(*id)?;
        }
        for id in founders {
            self.serving(*id).await?;
        }
        let members = founders.iter().map(|id| (*id, self.addr(*id))).collect();
        self.client.init(&self.addr(founders[0]), &members).await?;
        self.leader_after(0).await
    }

    /// Lets all nodes end by themselves.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.processes.stop().await
    }

    /// Waits until a node answers.
    pub async fn serving(&self, id: NodeId) -> anyhow::Result<()> {
        eventually(&format!("waiting for node {id} to serve"), async || {
            self.view(id).await.map(drop)
        })
        .await
    }

    /// Waits for a leader in a term after this one.
    pub async fn leader_after(&self, term: u64) -> anyhow::Result<(NodeId, u64)> {
        eventually("waiting for a leader", async || {
            let leader = self.leader().await.filter(|(_, latest)| *latest > term);
            leader.ok_or_else(|| anyhow!("there is none after term {term}"))
        })
        .await
    }

    /// The node that says it leads, in the latest term.
    async fn leader(&self) -> Option<(NodeId, u64)> {
        let mut leader = None;
        for id in self.processes.running.keys() {
            if let Ok(view) = self.view(*id).await
                && view.leader == Some(view.id)
                && leader.is_none_or(|(_, term)| term < view.term)
            {
                leader = Some((view.id, view.term));
            }
        }
        leader
    }

    /// Waits until a node has applied every write that is acknowledged by now. The log has one order:
    /// a node that has this mark has all that was acknowledged before the mark was made.
    pub async fn caught_up(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.marks += 1;
        let (addr, mark) = (self.addr(id), self.marks.to_string());
        eventually("writing a mark", async || {
            self.client.put(&addr, "mark", mark.clone()).await
        })
        .await?;
        eventually(&format!("waiting for node {id} to catch up"), async || {
            let found = self.client.get_stale(&addr, "mark").await?;
            ensure!(found.as_ref() == Some(&mark), "it has mark {found:?} of {mark}");
            Ok(())
        })
        .await
    }

    /// The cluster as a node sees it.
    pub async fn view(&self, id: NodeId) -> anyhow::Result<ClusterView> {
        self.client.cluster(&self.addr(id)).await
    }

    /// The end of every node's log, for an error report.
    pub fn last_log_lines(&self) -> String {
        self.processes.last_log_lines(1..=self.hosts.len() as NodeId)
    }

    fn host(&self, id: NodeId) -> &Host {
        &self.hosts[id as usize - 1]
    }
}
