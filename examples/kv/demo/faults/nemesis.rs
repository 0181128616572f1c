//! Makes the faults that the schedule asks for.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::anyhow;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use super::super::cluster::Cluster;
use super::namespaces::Namespaces;
use super::schedule::{Fault, Schedule, Step, Whom};
use crate::types::NodeId;

pub struct Nemesis<'a> {
    pub cluster: &'a mut Cluster,
    /// Cuts links; `None` if links cannot be cut on this machine.
    pub namespaces: Option<&'a Namespaces>,
    /// How often each fault was made.
    pub made: BTreeMap<Fault, usize>,
}

impl Nemesis<'_> {
    /// Makes the faults of the schedule until `end`, and then leaves the cluster without a fault.
    pub async fn run(&mut self, schedule: Schedule, start: Instant, end: Instant) -> anyhow::Result<()> {
        for step in schedule {
            let (leader, _) = self.cluster.leader_after(0).await?;
            if Instant::now() + step.lasts > end {
                sleep(end.saturating_duration_since(Instant::now())).await;
                return Ok(());
            }
            let nodes = chosen(&step, leader);
            println!(
                "  {:>4.1} s  {} for {:.1} s: {}",
                start.elapsed().as_secs_f64(),
                step.fault,
                step.lasts.as_secs_f64(),
                named(&nodes, leader)
            );
            self.make(&step, &nodes).await?;
            *self.made.entry(step.fault).or_default() += 1;
            sleep(step.rest).await;
        }
        Ok(())
    }

    async fn make(&mut self, step: &Step, nodes: &[NodeId]) -> anyhow::Result<()> {
        match step.fault {
            Fault::Kill(_) => {
                for id in nodes {
                    self.cluster.kill(*id)?;
                }
                sleep(step.lasts).await;
                for id in nodes {
                    self.cluster.start(*id)?;
                }
            }
            Fault::Pause(_) => {
                for id in nodes {
                    self.cluster.signal(*id, Signal::STOP)?;
                }
                sleep(step.lasts).await;
                for id in nodes {
                    self.cluster.signal(*id, Signal::CONT)?;
                }
            }
            Fault::Mute(_) | Fault::Deafen(_) | Fault::Isolate(_) | Fault::Ring => {
                let network = self.namespaces.ok_or_else(|| anyhow!("links cannot be cut here"))?;
                let links = links(step, nodes);
                for (from, to) in &links {
                    network.cut(*from, *to)?;
                }
                sleep(step.lasts).await;
                for (from, to) in &links {
                    network.restore(*from, *to)?;
                }
            }
        }
        Ok(())
    }
}

impl Cluster {
    fn signal(&self, id: NodeId, signal: Signal) -> anyhow::Result<()> {
        let node = self
            .processes
            .running
            .get(&id)
            .ok_or_else(|| anyhow!("node {id} is not running"))?;
        Ok(kill_process(Pid::from_child(&node.0), signal)?)
    }
}

/// Returns the nodes that the fault hits.
fn chosen(step: &Step, leader: NodeId) -> Vec<NodeId> {
    let whom = match step.fault {
        Fault::Kill(whom) | Fault::Pause(whom) | Fault::Mute(whom) | Fault::Deafen(whom) | Fault::Isolate(whom) => whom,
        Fault::Ring => Whom::All,
    };
    let majority = step.order.len() / 2 + 1;
    match whom {
        Whom::Leader => vec![leader],
        Whom::Minority => step.order[majority..].to_vec(),
        Whom::Majority => step.order[..majority].to_vec(),
        Whom::All => step.order.to_vec(),
    }
}

/// Returns the links to cut, each as its sender and its receiver.
fn links(step: &Step, nodes: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    if step.fault == Fault::Ring {
        let next = nodes.iter().cycle().skip(1);
        return nodes.iter().copied().zip(next.copied()).collect();
    }
    let mut links = Vec::new();
    for node in nodes {
        for other in step.order.iter().filter(|id| !nodes.contains(id)) {
            if !matches!(step.fault, Fault::Deafen(_)) {
                links.push((*node, *other));
            }
            if !matches!(step.fault, Fault::Mute(_)) {
                links.push((*other, *node));
            }
        }
    }
    links
}

fn named(nodes: &[NodeId], leader: NodeId) -> String {
    let name = |id: &NodeId| match *id == leader {
        true => format!("{id} (leads)"),
        false => id.to_string(),
    };
    let nodes: Vec<_> = nodes.iter().map(name).collect();
    let noun = if nodes.len() == 1 { "node" } else { "nodes" };
    format!("{noun} {}", nodes.join(", "))
}
