//! Reads the logs of all nodes, as `log` prints them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::cluster::Cluster;
use super::eventually::eventually;
use crate::types::NodeId;

/// Runs `program log` on a node's folder, and returns its output. If the command fails, the error has its message.
pub fn print(program: &Path, folder: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).args(["log", "--dir"]).arg(folder).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", stderr.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// The logs of several nodes. All of them hold the same entries.
pub struct Logs {
    nodes: BTreeMap<NodeId, Log>,
}

/// One line per entry, and for commands the version at which the entry is written.
struct Log {
    entries: Vec<String>,
    versions: BTreeMap<usize, u8>,
}

impl Logs {
    /// Reads the log from each node's files, and waits until all nodes have the same log.
    pub async fn read(cluster: &Cluster, nodes: &[NodeId]) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        eventually("reading the logs", async || {
            let read = |id: &NodeId| {
                let text = print(&program, &cluster.node_folder(*id)).with_context(|| format!("node {id}"))?;
                anyhow::Ok((*id, Log::parse(&text)?))
            };
            let nodes: BTreeMap<NodeId, Log> = nodes.iter().map(read).collect::<anyhow::Result<_>>()?;
            let mut logs = nodes.values().map(|log| &log.entries);
            let first = logs.next();
            ensure!(logs.all(|log| Some(log) == first), "the logs differ");
            Ok(Self { nodes })
        })
        .await
    }

    /// Returns how many entries each log has.
    pub fn len(&self) -> usize {
        self.nodes.values().map(|log| log.entries.len()).max().unwrap_or(0)
    }

    /// Returns the versions at which commands from `entry` on are written, on any node.
    pub fn versions_from(&self, entry: usize) -> Vec<u8> {
        let all = self.nodes.values().flat_map(|log| log.versions.range(entry..));
        let mut versions: Vec<u8> = all.map(|(_, version)| *version).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, log) in &self.nodes {
            let mut counts = BTreeMap::<u8, usize>::new();
            for version in log.versions.values() {
                *counts.entry(*version).or_default() += 1;
            }
            let counts: Vec<String> = counts
                .iter()
                .map(|(version, count)| format!("{count} at version {version}"))
                .collect();
            writeln!(f, "  log of node {id}: commands {}", counts.join(", "))?;
        }
        Ok(())
    }
}

impl Log {
    /// Parses lines such as `7 v1 put "key" (5 bytes)` and `8 blank`.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut entries, mut versions) = (Vec::new(), BTreeMap::new());
        for (number, line) in text.lines().enumerate() {
            let (index, entry) = line.split_once(' ').context("a line without an entry")?;
            ensure!(index == number.to_string(), "entry {number} is missing");
            let version = entry.strip_prefix('v').and_then(|rest| rest.split_once(' '));
            match version.and_then(|(version, command)| Some((version.parse().ok()?, command))) {
                Some((version, command)) => {
                    versions.insert(number, version);
                    entries.push(command.to_owned());
                }
                None => entries.push(entry.to_owned()),
            }
        }
        Ok(Self { entries, versions })
    }
}
