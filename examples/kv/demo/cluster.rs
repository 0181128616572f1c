//! The node processes and their folder: what is started here is gone when [`Cluster`] is dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::ports::free_ports;
use crate::client::Client;
use crate::types::NodeId;

/// Far more than any step takes, even on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(30);

pub struct Cluster {
    // Fields are dropped in order: first the processes, then the folder they write to.
    nodes: BTreeMap<NodeId, NodeProcess>,
    ports: Vec<u16>,
    folder: TempDir,
}

impl Cluster {
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("kv-demo-")
            .tempdir()
            .context("cannot create a temporary folder")?;
        Ok(Self {
            nodes: BTreeMap::new(),
            ports: free_ports(4)?,
            folder,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn addr(&self, id: NodeId) -> String {
        format!("127.0.0.1:{}", self.ports[id as usize - 1])
    }

    /// Starts a node, or starts it again: the flags are the same.
    pub fn start(&mut self, id: NodeId) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file(id))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["node", "--id", &id.to_string(), "--listen", &self.addr(id), "--dir"])
            .arg(self.folder().join(format!("node-{id}")))
            // A name of its own, so that it never mixes with another demo on this machine.
            .arg("--cluster")
            .arg(self.folder().file_name().unwrap_or_default())
            // Few enough that the log is purged, and the newcomer starts from a snapshot.
            .args(["--snapshot-every", "1000", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        // Ctrl-C is for the demo alone, which then stops the nodes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().context("cannot start a node")?;
        self.nodes.insert(id, NodeProcess(child));
        Ok(())
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

    /// Lets all nodes end by themselves.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        for node in self.nodes.values_mut() {
            // Closing it is the sign.
            drop(node.0.stdin.take());
        }
        let deadline = Instant::now() + DEADLINE;
        for (id, node) in &mut self.nodes {
            let status = loop {
                match node.0.try_wait()? {
                    Some(status) => break status,
                    None if Instant::now() > deadline => anyhow::bail!("node {id} does not stop"),
                    None => std::thread::sleep(Duration::from_millis(10)),
                }
            };
            anyhow::ensure!(status.success(), "node {id} ended with {status}");
        }
        self.nodes.clear();
        Ok(())
    }

    /// Waits until a node answers.
    pub async fn serving(&mut self, client: &Client, id: NodeId) -> anyhow::Result<()> {
        let addr = self.addr(id);
        eventually(&format!("node {id} to serve"), async || {
            if let Some(status) = self.nodes.get_mut(&id).and_then(|node| node.0.try_wait().transpose()) {
                return Some(Err(anyhow!("node {id} ended at start: {:?}", status)));
            }
            client.cluster(&addr).await.ok().map(|_| Ok(()))
        })
        .await?
    }

    /// The leader, as one of the running nodes knows it.
    pub async fn leader(&self, client: &Client) -> Option<NodeId> {
        Some(self.latest_leader(client).await?.0)
    }

    /// Waits for a leader of a later term.
    pub async fn leader_after(&self, client: &Client, term: u64) -> anyhow::Result<(NodeId, u64)> {
        eventually(&format!("a leader after term {term}"), async || {
            self.latest_leader(client).await.filter(|(_, latest)| *latest > term)
        })
        .await
    }

    /// The node that says it leads, in the latest term.
    async fn latest_leader(&self, client: &Client) -> Option<(NodeId, u64)> {
        let mut latest: Option<(NodeId, u64)> = None;
        for id in self.nodes.keys() {
            if let Ok(view) = client.cluster(&self.addr(*id)).await
                && view.leader == Some(view.id)
                && latest.is_none_or(|(_, term)| term < view.term)
            {
                latest = Some((view.id, view.term));
            }
        }
        latest
    }

    /// Waits until a node has applied everything that the leader has applied by now.
    pub async fn caught_up(&self, client: &Client, id: NodeId, leader: NodeId) -> anyhow::Result<()> {
        let target = client.cluster(&self.addr(leader)).await?.last_applied;
        let addr = self.addr(id);
        eventually(&format!("node {id} to catch up"), async || {
            client
                .cluster(&addr)
                .await
                .ok()
                .filter(|view| view.last_applied >= target)
        })
        .await?;
        Ok(())
    }

    /// The end of every node's log, for an error report.
    pub fn last_log_lines(&self) -> String {
        let mut report = String::from("the demo failed; the nodes' last words:");
        for id in 1..=self.ports.len() as NodeId {
            let log = fs::read_to_string(self.log_file(id)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(8)..] {
                report.push_str(&format!("\n  node {id}: {line}"));
            }
        }
        report
    }

    fn log_file(&self, id: NodeId) -> PathBuf {
        self.folder().join(format!("node-{id}.log"))
    }
}

struct NodeProcess(Child);

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    let answer = async {
        loop {
            if let Some(answer) = probe().await {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, answer)
        .await
        .with_context(|| format!("waited {DEADLINE:?} in vain for {what}"))
}
