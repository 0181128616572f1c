//! The node processes and their folder: what is started here is gone when [`Cluster`] is dropped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use tempfile::TempDir;

use super::eventually::eventually;
use super::hosts::Host;
use crate::client::Client;
use crate::types::NodeId;
use crate::view::ClusterView;

pub struct Cluster {
    pub client: Client,
    /// What nodes are started as from now on.
    pub program: PathBuf,
    /// When they build snapshots, and what they keep of the log.
    snapshots: &'static [&'static str],
    // Fields are dropped in order: first the processes, then the folder they write to.
    pub(super) nodes: BTreeMap<NodeId, NodeProcess>,
    folder: TempDir,
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
        let folder = tempfile::Builder::new()
            .prefix("kv-demo-")
            .tempdir()
            .context("cannot create a temporary folder")?;
        Ok(Self {
            client,
            program,
            snapshots,
            nodes: BTreeMap::new(),
            folder,
            hosts,
            marks: 0,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn addr(&self, id: NodeId) -> String {
        self.host(id).addr.clone()
    }

    /// Where the running nodes serve.
    pub fn addrs(&self) -> Vec<String> {
        self.nodes.keys().map(|id| self.addr(*id)).collect()
    }

    /// Starts a node, or starts it again: the flags are the same.
    pub fn start(&mut self, id: NodeId) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file(id))?;
        let mut command = self.command(id);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C is for the demo alone, which then stops the nodes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().context("cannot start a node")?;
        self.nodes.insert(id, NodeProcess(child));
        Ok(())
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
        self.folder().join(format!("node-{id}"))
    }

    /// Ends a node with SIGKILL: it has no chance to write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        let mut node = self
            .nodes
            .remove(&id)
            .ok_or_else(|| anyhow!("node {id} is not running"))?;
        node.0.kill()?;
        node.0.wait()?;
        Ok(())
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
        for node in self.nodes.values_mut() {
            // Closing it is the sign.
            drop(node.0.stdin.take());
        }
        for (id, node) in &mut self.nodes {
            let ended = async || node.0.try_wait()?.ok_or_else(|| anyhow!("it is still running"));
            let status = eventually(&format!("waiting for node {id} to end"), ended).await?;
            ensure!(status.success(), "node {id} ended with {status}");
        }
        self.nodes.clear();
        Ok(())
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
        for id in self.nodes.keys() {
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
        let mut report = String::from("the demo failed; the nodes' last words:");
        for id in 1..=self.hosts.len() as NodeId {
            let log = fs::read_to_string(self.log_file(id)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(8)..] {
                report.push_str(&format!("\n  node {id}: {line}"));
            }
        }
        report
    }

    fn host(&self, id: NodeId) -> &Host {
        &self.hosts[id as usize - 1]
    }

    fn log_file(&self, id: NodeId) -> PathBuf {
        self.folder().join(format!("node-{id}.log"))
    }
}

pub(super) struct NodeProcess(pub(super) Child);

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
