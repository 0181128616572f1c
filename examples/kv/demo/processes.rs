//! The processes of nodes and the folder they write to: what is started here is gone when [`Processes`] is
//! dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use tempfile::TempDir;

use super::eventually::eventually;
use crate::types::NodeId;

pub struct Processes {
    // Fields are dropped in order: first the processes, then the folder they write to.
    pub running: BTreeMap<NodeId, NodeProcess>,
    folder: TempDir,
}

impl Processes {
    /// None yet, and a folder whose name starts with `prefix`.
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

    /// Where a node keeps what it stores.
    pub fn node_folder(&self, id: NodeId) -> PathBuf {
        self.folder().join(format!("node-{id}"))
    }

    /// Starts a node, or starts it again, with a command that has it end when its standard input does.
    pub fn start(&mut self, id: NodeId, mut command: Command) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file(id))?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C is for the demo alone, which then stops the nodes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().context("cannot start a node")?;
        self.running.insert(id, NodeProcess(child));
        Ok(())
    }

    /// Ends a node with SIGKILL: it has no chance to write anything more.
    pub fn kill(&mut self, id: NodeId) -> anyhow::Result<()> {
        let mut node = self
            .running
            .remove(&id)
            .ok_or_else(|| anyhow!("node {id} is not running"))?;
        node.0.kill()?;
        node.0.wait()?;
        Ok(())
    }

    /// Lets all nodes end by themselves.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for node in self.running.values_mut() {
            // Closing it is the sign.
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

    /// The end of the log of each of these nodes, for an error report.
    pub fn last_log_lines(&self, ids: impl IntoIterator<Item = NodeId>) -> String {
        let mut report = String::from("the demo failed; the nodes' last words:");
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
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
