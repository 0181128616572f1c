//! The processes of the nodes, and the folder to which they write. Dropping [`Processes`] ends the processes and
//! removes the folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use tempfile::TempDir;

use super::eventually::eventually;
use crate::types::NodeId;

pub struct Processes {
    // Fields are dropped in this order: first the processes, then the folder to which they write.
    pub running: BTreeMap<NodeId, NodeProcess>,
    folder: TempDir,
}

impl Processes {
    /// Creates the folder, whose name starts with `prefix`. No process is started yet.
    pub fn new(prefix: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir()
            .context("cannot create a temporary folder")?;
        Ok(Self {
            running: BTreeMap::new(),
            folder,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the folder in which a node stores its data.
    pub fn node_folder(&self, id: NodeId) -> PathBuf {
        self.folder().join(format!("node-{id}"))
    }

    /// Starts a node with `command`, for the first time or again. The process must end when its standard input is
    /// closed.
    pub fn start(&mut self, id: NodeId, mut command: Command) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file(id))?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        // Let only the demo receive Ctrl-C. The demo then stops the nodes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().context("cannot start a node")?;
        self.running.insert(id, NodeProcess(child));
        Ok(())
    }

    /// Ends a node with SIGKILL, so that it cannot write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        let mut node = self
            .running
            .remove(&id)
            .ok_or_else(|| anyhow!("node {id} is not running"))?;
        node.0.kill()?;
        node.0.wait()?;
        Ok(())
    }

    /// Asks all nodes to end, and waits until they have.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for node in self.running.values_mut() {
            // A node stops when its standard input is closed.
            drop(node.0.stdin.take());
        }
        for (id, node) in &mut self.running {
            let ended = async || node.0.try_wait()?.ok_or_else(|| anyhow!("it is still running"));
            let status = eventually(&format!("waiting for node {id} to end"), ended).await?;
            ensure!(status.success(), "node {id} ended with {status}");
        }
        self.running.clear();
        Ok(())
    }

    /// Returns the last lines that each of these nodes logged, for an error report.
    pub fn last_log_lines(&self, ids: impl IntoIterator<Item = NodeId>) -> String {
        let mut report = String::from("the demo failed; the last lines that the nodes logged:");
        for id in ids {
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

pub struct NodeProcess(pub Child);

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
