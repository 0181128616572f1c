//! Makes faults, one after another. A seed chooses the faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;
use openraft_toolkit::lifecycle::{add_learner, change_membership};
use openraft_toolkit::test_fakes::LinkFaults;
use openraft_toolkit_tests::node::address;
use tokio::runtime::Handle as Runtime;
use tokio::time::timeout;

use super::cluster::{Cluster, IDS, wait_for};
use super::node::Node;
use super::power::Crash;

/// How often each fault was made.
pub type Faults = BTreeMap<&'static str, usize>;

pub struct Nemesis {
    pub cluster: Cluster,
    pub rng: Rng,
    pub faults: Faults,
    runtime: Runtime,
    /// What happened, and when.
    pub story: Vec<(Duration, String)>,
}

/// Faults of the network. Each round has one of them, which lasts for the whole round. The first one is no fault.
const NETWORK: [fn(&mut Nemesis); 7] = [
    |_| {},
    Nemesis::isolate_one,
    Nemesis::isolate_leader,
    Nemesis::split,
    Nemesis::one_way,
    Nemesis::ring,
    Nemesis::bad_links,
];

/// Events that happen during a round.
const EVENTS: [fn(&mut Nemesis); 11] = [
    Nemesis::kill,
    Nemesis::cut_power_of_one,
    Nemesis::cut_power_of_leader,
    Nemesis::cut_power_of_majority,
    Nemesis::cut_power_of_all,
    Nemesis::pause,
    Nemesis::pause,
    Nemesis::change_membership,
    Nemesis::snapshot,
    Nemesis::transfer_leadership,
    Nemesis::flush,
];

impl Nemesis {
    pub fn new(cluster: Cluster, rng: Rng, runtime: Runtime) -> Self {
        Self {
            cluster,
            rng,
            faults: Faults::new(),
            runtime,
            story: Vec::new(),
        }
    }

    /// Makes faults for `rounds` rounds. At the end of each round, all faults are undone.
    pub fn rounds(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let network = self.rng.usize(..NETWORK.len());
            NETWORK[network](self);
            for _ in 0..1 + self.rng.u64(..3) {
                self.let_go_on_a_while(120);
                let event = self.rng.usize(..EVENTS.len());
                EVENTS[event](self);
            }
            self.let_go_on_a_while(120);
            self.heal();
            let leader = self.cluster.wait_for_leader();
            let leads = format!("node {} leads in term {}", leader.id, leader.term());
            self.tell(leads);
            let operations = 150 + self.rng.usize(..450);
            self.serve(operations);
        }
    }

    /// Undoes all faults that are still in effect.
    pub fn heal(&mut self) {
        self.cluster.network.partitions().heal_all();
        self.cluster.network.clear_faults();
        self.cluster.restart_all();
        self.supervise();
        self.tell("all is whole".to_owned());
    }

    /// Restarts nodes that stopped by themselves.
    pub fn supervise(&mut self) {
        for id in self.cluster.supervise(&mut self.rng) {
            self.made("openraft panics, and its node is restarted", id);
        }
    }

    /// Waits until clients have got `operations` more answers.
    pub fn serve(&self, operations: usize) {
        let service = &self.cluster.service;
        let enough = service.answered() + operations;
        wait_for("clients are answered", || (service.answered() >= enough).then_some(()));
    }

    fn let_go_on_a_while(&mut self, at_most_ms: u64) {
        let time = self.rng.u64(..at_most_ms);
        self.let_go_on(Duration::from_millis(time));
    }

    /// Makes no new fault for `time`, while the clients continue.
    pub fn let_go_on(&self, time: Duration) {
        sleep(time);
    }

    /// Counts a fault, and records it in the story.
    fn made(&mut self, fault: &'static str, of: impl Debug) {
        *self.faults.entry(fault).or_default() += 1;
        self.tell(format!("{fault}: {of:?}"));
    }

    fn tell(&mut self, what: String) {
        self.story.push((self.cluster.service.history.elapsed(), what));
    }

    fn shuffled(&mut self, ids: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut ids: Vec<u64> = ids.into_iter().collect();
        self.rng.shuffle(&mut ids);
        ids
    }

    /// Returns one of the voters.
    fn any(&mut self) -> u64 {
        let voters = self.cluster.voters();
        let voters = if voters.is_empty() { BTreeSet::from(IDS) } else { voters };
        self.shuffled(voters)[0]
    }

    fn leader_or_any(&mut self) -> u64 {
        let any = self.any();
        self.cluster.leader().map_or(any, |node| node.id)
    }

    // The network.

    fn isolate_one(&mut self) {
        let id = self.any();
        self.cluster.network.partitions().isolate(id);
        self.made("a node is cut off", id);
    }

    fn isolate_leader(&mut self) {
        let id = self.leader_or_any();
        self.cluster.network.partitions().isolate(id);
        self.made("the leader is cut off", id);
    }

    fn split(&mut self) {
        let ids = self.shuffled(IDS);
        let size = 1 + self.rng.usize(..4);
        let (one, other) = ids.split_at(size);
        let partitions = self.cluster.network.partitions();
        partitions.partition(one.iter().copied(), other.iter().copied());
        self.made("two parts", (one, other));
    }

    fn one_way(&mut self) {
        let id = match self.rng.u64(..2) {
            0 => self.any(),
            _ => self.leader_or_any(),
        };
        let hears = self.rng.bool();
        let partitions = self.cluster.network.partitions();
        for other in IDS.into_iter().filter(|other| *other != id) {
            match hears {
                true => partitions.cut_edge(id, other),
                false => partitions.cut_edge(other, id),
            }
        }
        let fault = match hears {
            true => "a node is not heard",
            false => "a node hears nothing",
        };
        self.made(fault, id);
    }

    fn ring(&mut self) {
        let ids = self.shuffled(IDS);
        self.cluster.network.partitions().ring(ids.clone());
        self.made("a ring", ids);
    }

    fn bad_links(&mut self) {
        let faults = LinkFaults::new()
            .latency(Duration::from_millis(self.rng.u64(..5)))
            .jitter(Duration::from_millis(self.rng.u64(..10)))
            .reorder(0.1, Duration::from_millis(50))
            .duplicate(0.1)
            .drop(self.rng.u64(..20) as f64 / 100.0);
        self.made("slow links that lose messages", &faults);
        self.cluster.network.set_faults(faults);
    }

    // The nodes.

    fn kill(&mut self) {
        let id = self.leader_or_any();
        self.cluster.crash([id], Crash::Kill, &mut self.rng);
        self.made("a node is killed", id);
    }

    fn cut_power_of_one(&mut self) {
        let id = self.any();
        self.cut_power([id], "power cut: one node");
    }

    fn cut_power_of_leader(&mut self) {
        let id = self.leader_or_any();
        self.cut_power([id], "power cut: the leader");
    }

    fn cut_power_of_majority(&mut self) {
        let voters = self.cluster.voters();
        let majority = voters.len() / 2 + 1;
        let ids = self.shuffled(voters);
        self.cut_power(ids.into_iter().take(majority), "power cut: a majority");
    }

    pub fn cut_power_of_all(&mut self) {
        self.cut_power(IDS, "power cut: all nodes");
    }

    pub fn cut_power(&mut self, ids: impl IntoIterator<Item = u64>, fault: &'static str) {
        let ids: Vec<u64> = ids.into_iter().collect();
        self.made(fault, &ids);
        self.cluster.crash(ids, Crash::PowerCut, &mut self.rng);
        self.let_go_on_a_while(50);
        self.cluster.restart_all();
        self.tell("power is back".to_owned());
    }

    fn pause(&mut self) {
        let id = match self.rng.u64(..2) {
            0 => self.any(),
            _ => self.leader_or_any(),
        };
        let time = Duration::from_millis(100 + self.rng.u64(..500));
        if let Some(node) = self.cluster.node(id) {
            node.pause(time);
            self.made("a node is paused", (id, time));
        }
    }

    fn flush(&mut self) {
        self.cluster.nodes().for_each(Node::flush);
        self.made("memtables are flushed", IDS);
    }

    fn snapshot(&mut self) {
        for node in self.cluster.nodes() {
            // Do not wait for the snapshot: a paused node builds it later.
            let raft = node.handle.raft.clone();
            self.runtime.spawn(async move { raft.trigger().snapshot().await });
        }
        self.made("snapshots, and logs are purged", IDS);
    }

    fn transfer_leadership(&mut self) {
        let to = self.any();
        if let Some(leader) = self.cluster.leader() {
            let (from, raft) = (leader.id, leader.handle.raft.clone());
            self.runtime
                .spawn(async move { raft.trigger().transfer_leader(to).await });
            self.made("leadership is transferred", (from, to));
        }
    }

    /// Makes three, four or five of the nodes the voters.
    fn change_membership(&mut self) {
        let size = 3 + self.rng.usize(..3);
        let voters: BTreeSet<u64> = self.shuffled(IDS).into_iter().take(size).collect();
        // Do not ask a leader that was removed: openraft lets it lead for a moment longer, and asserts that nobody asks.
        let asked = self
            .cluster
            .leader()
            .filter(|leader| leader.voters().contains(&leader.id));
        let Some(leader) = asked else {
            return;
        };
        let raft = leader.handle.raft.clone();
        let change = async {
            for id in &voters {
                add_learner(&raft, *id, address(*id), false).await.ok()?;
            }
            change_membership(&raft, voters.clone(), false).await.ok()
        };
        let changed = self
            .runtime
            .block_on(async { timeout(Duration::from_millis(500), change).await });
        let fault = match changed {
            Ok(Some(_)) => "the membership is changed",
            _ => "a change of membership is interrupted",
        };
        self.made(fault, voters);
    }
}
