//! The upgrade, scene by scene.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use reqwest::Method;

use super::cluster::Cluster;
use super::eventually::eventually;
use super::hosts;
use super::logs::{self, Logs};
use crate::client::{self, Client};
use crate::types::NodeId;

/// How long a client waits for an answer before it tries again.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Nodes build snapshots so often that each release starts from a snapshot of the other release. `--keep` is so high
/// that no entry is purged.
const SNAPSHOTS: &[&str] = &["--snapshot-every", "5", "--keep", "1000"];

const FOUNDERS: [NodeId; 3] = [1, 2, 3];
/// The node that joins the first three.
const NEWCOMER: NodeId = 4;

pub async fn tell() -> anyhow::Result<()> {
    let release_3 = std::env::current_exe()?;
    let release_1 = release_3.with_file_name(format!("kv{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        release_1.exists(),
        "release 1, {}, is missing: `cargo build -p openraft-toolkit-examples` builds both releases",
        release_1.display()
    );
    let client = Client::new(CLIENT_TIMEOUT)?;
    let hosts = hosts::loopback(NEWCOMER as usize)?;
    let cluster = Cluster::new(client, release_1.clone(), SNAPSHOTS, hosts)?;
    let mut story = Story {
        cluster,
        release_1,
        release_3,
        written: BTreeMap::new(),
    };
    let told = story.scenes().await;
    // Read the logs of the nodes before their folder is removed.
    told.map_err(|error| error.context(story.cluster.last_log_lines()))
}

struct Story {
    cluster: Cluster,
    release_1: PathBuf,
    release_3: PathBuf,
    /// The writes that were acknowledged.
    written: BTreeMap<String, String>,
}

impl Story {
    async fn scenes(&mut self) -> anyhow::Result<()> {
        self.form().await?;
        self.upgrade_binaries().await?;
        self.refuse_what_is_too_new().await?;
        self.raise_the_level().await?;
        self.refuse_what_is_too_old().await?;
        self.read_everything().await
    }

    async fn form(&mut self) -> anyhow::Result<()> {
        println!("Three nodes of release 1 form a cluster");
        let (leader, term) = self.cluster.form(&FOUNDERS).await?;
        println!("  node {leader} leads in term {term}");
        self.write(10).await?;
        self.all_at_version_1().await
    }

    /// Does steps 1 and 2 of the rolling upgrade: upgrades the binaries.
    async fn upgrade_binaries(&mut self) -> anyhow::Result<()> {
        println!("\nThe binaries are upgraded first, node by node");
        self.restart(1, "3").await?;
        self.write(10).await?;
        self.all_at_version_1().await?;
        self.restart(1, "1").await?;
        println!("  node 1 can go back to release 1, which reads what release 3 has written");
        self.write(10).await?;

        self.restart(1, "3").await?;
        self.restart(2, "3").await?;
        // Node 3 must not lead, so that release 1 has to read what release 3 sends.
        let leader = loop {
            self.restart(3, "1").await?;
            match self.cluster.leader_after(0).await? {
                (3, _) => continue,
                (leader, _) => break leader,
            }
        };
        println!("  node {leader}, of release 3, leads");
        self.write(10).await?;
        self.all_at_version_1().await?;
        let refusal = self.refused("raising the level", "reads up to level 1", async || self.raise(3).await);
        println!("  the level is not raised yet: {}", refusal.await?);
        self.restart(3, "3").await?;
        self.write(10).await?;
        self.all_at_version_1().await
    }

    /// Does step 3: checks that commands that release 1 could not read are refused.
    async fn refuse_what_is_too_new(&mut self) -> anyhow::Result<()> {
        println!("\nCommands that release 1 could not read are refused before they get into the log");
        for put in ["leased?lease=60", "urgent?priority=high", "once?if_absent=true"] {
            let refusal = self.refused("writing", "cannot be written at version 1", async || {
                self.put(put, "v").await
            });
            println!("  PUT /kv/{put}: {}", refusal.await?);
        }
        Ok(())
    }

    /// Does step 4: raises the level to 3.
    async fn raise_the_level(&mut self) -> anyhow::Result<()> {
        println!("\nThe switch: a command raises the level to 3");
        eventually("raising the level", async || self.raise(3).await).await?;
        for id in FOUNDERS {
            eventually(&format!("waiting for node {id} to write at level 3"), async || {
                let level = self.cluster.view(id).await?.level;
                ensure!(level == 3, "it writes at level {level}");
                Ok(())
            })
            .await?;
        }
        let switch = Logs::read(&self.cluster, &FOUNDERS).await?.len();
        self.write(10).await?;
        for put in ["leased?lease=60", "urgent?priority=high", "once?if_absent=true"] {
            eventually("writing", async || self.put(put, "v").await).await?;
            let key = put.split('?').next().unwrap_or_default();
            self.written.insert(key.to_owned(), "v".to_owned());
        }
        let logs = Logs::read(&self.cluster, &FOUNDERS).await?;
        ensure!(
            logs.versions_from(switch) == [3],
            "not all commands are at version 3:\n{logs}"
        );
        print!("{logs}");
        Ok(())
    }

    /// Does steps 5 and 6: checks that release 1 is refused, and that a node finds its level again after a restart.
    async fn refuse_what_is_too_old(&mut self) -> anyhow::Result<()> {
        println!("\nRelease 1 cannot come back");
        self.cluster.program = self.release_1.clone();
        self.cluster.start(NEWCOMER)?;
        self.cluster.serving(NEWCOMER).await?;
        let refusal = self.refused("adding a learner", "reads versions up to 1", async || {
            self.add_newcomer().await
        });
        println!("  node {NEWCOMER} of release 1 is not added: {}", refusal.await?);
        self.restart(NEWCOMER, "3").await?;
        eventually("adding a learner", async || self.add_newcomer().await).await?;
        self.cluster.caught_up(NEWCOMER).await?;
        eventually("making it a voter", async || {
            self.cluster.client.make_voter(&self.cluster.addr(1), NEWCOMER).await
        })
        .await?;
        println!("  node {NEWCOMER} of release 3 is added, and reads the log of both releases");

        self.cluster.kill(3)?;
        self.cluster.program = self.release_1.clone();
        // If the node starts at all, it ends at once, because its standard input is closed.
        let output = self.cluster.command(3).stdin(Stdio::null()).output()?;
        ensure!(!output.status.success(), "release 1 started on a log of release 3");
        let stderr = String::from_utf8_lossy(&output.stderr);
        println!("  release 1 does not start as node 3: {}", stderr.trim());
        match logs::print(&self.release_1, &self.cluster.node_folder(3)) {
            Ok(log) => bail!("release 1 has read a log of release 3: {log}"),
            Err(error) => println!("  nor does it read the log of node 3: {error}"),
        }
        self.cluster.program = self.release_3.clone();
        self.cluster.start(3)?;
        self.cluster.serving(3).await?;
        let level = self.cluster.view(3).await?.level;
        ensure!(level == 3, "node 3 came back at level {level}");
        println!("  release 3 starts there, and finds level 3 again");
        self.cluster.caught_up(3).await
    }

    async fn read_everything(&mut self) -> anyhow::Result<()> {
        println!("\nEverything is read back from every node");
        let nodes = [1, 2, 3, NEWCOMER];
        for id in nodes {
            self.cluster.caught_up(id).await?;
        }
        for addr in self.cluster.addrs() {
            for (key, value) in &self.written {
                let found = self.cluster.client.get_stale(&addr, key).await?;
                ensure!(found.as_ref() == Some(value), "{key} on {addr} is {found:?}");
            }
        }
        self.cluster.stop().await?;
        let logs = Logs::read(&self.cluster, &nodes).await?;
        print!("{logs}");
        println!(
            "  node {NEWCOMER} got the old entries before the switch, and wrote them at the level that it had then"
        );
        println!();
        let (values, entries, nodes) = (self.written.len(), logs.len(), nodes.len());
        println!("values read   {:>4}  {values} on each of {nodes} nodes", values * nodes);
        println!(
            "entries read  {:>4}  {entries} in each log, and all logs agree",
            entries * nodes
        );
        Ok(())
    }

    /// Kills a node with SIGKILL, and starts it with another release. An upgrade does not need a clean shutdown.
    async fn restart(&mut self, id: NodeId, release: &str) -> anyhow::Result<()> {
        self.cluster.program = match release {
            "1" => self.release_1.clone(),
            _ => self.release_3.clone(),
        };
        self.cluster.kill(id)?;
        self.cluster.start(id)?;
        self.cluster.serving(id).await?;
        println!("  node {id} is restarted with release {release}");
        Ok(())
    }

    /// Makes writes that release 1 can read.
    async fn write(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let number = self.written.len();
            let (key, value) = (format!("key-{number}"), format!("value {number}"));
            eventually("writing", async || self.put(&key, &value).await).await?;
            self.written.insert(key, value);
        }
        println!("  {count} writes");
        Ok(())
    }

    async fn put(&self, key: &str, value: &str) -> anyhow::Result<()> {
        let addr = self.cluster.addr(1);
        self.cluster.client.put(&addr, key, value.to_owned()).await.map(drop)
    }

    async fn raise(&self, level: u8) -> anyhow::Result<()> {
        let client = &self.cluster.client;
        let request = client.request(Method::PUT, &self.cluster.addr(1), "/cluster/level");
        client::send(request.body(level.to_string())).await.map(drop)
    }

    async fn add_newcomer(&self) -> anyhow::Result<()> {
        let (entrance, addr) = (self.cluster.addr(1), self.cluster.addr(NEWCOMER));
        self.cluster.client.add_learner(&entrance, NEWCOMER, &addr).await
    }

    async fn all_at_version_1(&self) -> anyhow::Result<()> {
        let logs = Logs::read(&self.cluster, &FOUNDERS).await?;
        ensure!(
            logs.versions_from(0) == [1],
            "not all commands are at version 1:\n{logs}"
        );
        print!("{logs}");
        Ok(())
    }

    /// Repeats `attempt` until it is refused with a message that contains `reason`. Returns the message.
    async fn refused(
        &self,
        what: &str,
        reason: &str,
        mut attempt: impl AsyncFnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        eventually(what, async || match attempt().await {
            Ok(()) => Err(anyhow!("it was not refused")),
            Err(error) => {
                let text = error.to_string();
                ensure!(text.contains(reason), "{text}");
                let body = text.split_once("{\"error\":\"").context("no error in the answer")?.1;
                Ok(body.trim_end_matches("\"}").to_owned())
            }
        })
        .await
    }
}
