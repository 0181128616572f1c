//! The nodes of a demo, and the operations of the demo on them.

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
    /// The program that the next nodes are started with.
    pub program: PathBuf,
    /// The flags that say when nodes build snapshots, and how much of the log they keep.
    snapshots: &'static [&'static str],
    pub(super) processes: Processes,
    /// The host of each node, from node 1 on.
    hosts: Vec<Host>,
    /// How many marks [`caught_up`](Self::caught_up) has written.
    marks: u32,
}

impl Cluster {
    /// Creates a cluster with room for one node per host. No node is started yet.
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

    /// Returns the addresses of the running nodes.
    pub fn addrs(&self) -> Vec<String> {
        self.processes.running.keys().map(|id| self.addr(*id)).collect()
    }

    /// Starts a node, for the first time or again, with the same flags.
    pub fn start(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.processes.start(id, self.command(id))
    }

    /// Returns the command that starts a node.
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
            // The name of the folder is unique, so that two demos on one machine never mix.
            .arg("--cluster")
            .arg(self.folder().file_name().unwrap_or_default())
            .args(self.snapshots)
            .arg("--exit-with-stdin");
        command
    }

    /// Returns the folder in which a node stores its data.
    pub fn node_folder(&self, id: NodeId) -> PathBuf {
        self.processes.node_folder(id)
    }

    /// Ends a node with SIGKILL, so that it cannot write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        self.processes.kill(id)
    }

    /// Starts these nodes and forms a cluster of them. Returns its leader and the term.
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

    /// Asks all nodes to end, and waits until they have.
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

    /// Waits for a leader in a term after `term`.
    pub async fn leader_after(&self, term: u64) -> anyhow::Result<(NodeId, u64)> {
        eventually("waiting for a leader", async || {
            let leader = self.leader().await.filter(|(_, latest)| *latest > term);
            leader.ok_or_else(|| anyhow!("there is none after term {term}"))
        })
        .await
    }

    /// Returns the node that claims to lead in the latest term, and that term.
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

    /// Waits until a node has applied every write that was acknowledged before this call.
    ///
    /// Writes a mark through the log, and waits until the node has applied it. Nodes apply the log in order, so a node
    /// with the mark has every write that was acknowledged before the mark.
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

    /// Returns the cluster as a node sees it.
    pub async fn view(&self, id: NodeId) -> anyhow::Result<ClusterView> {
        self.client.cluster(&self.addr(id)).await
    }

    /// Returns the last lines that every node logged, for an error report.
    pub fn last_log_lines(&self) -> String {
        self.processes.last_log_lines(1..=self.hosts.len() as NodeId)
    }

    fn host(&self, id: NodeId) -> &Host {
        &self.hosts[id as usize - 1]
    }
}
