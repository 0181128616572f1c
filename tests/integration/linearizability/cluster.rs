//! A cluster of five nodes, of which three are the first members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::FutureExt;
use openraft_toolkit::lifecycle::BootstrapMode;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::node::{DEADLINE, members};
use openraft_toolkit_tests::state_machine::Applied;
use tempfile::TempDir;

use super::clients::Service;
use super::node::{Handle, Network, Node, Settings};
use super::panics;
use super::power::Crash;
use super::registers::Registers;

pub const IDS: [u64; 5] = [1, 2, 3, 4, 5];

pub struct Cluster {
    pub network: Network,
    settings: Settings,
    pub service: Arc<Service>,
    up: BTreeMap<u64, Node>,
    /// The files of the nodes that are down.
    down: BTreeMap<u64, TempDir>,
}

impl Cluster {
    pub fn start(seed: u64, settings: Settings, service: Arc<Service>) -> Self {
        panics::note();
        let network = MemNetwork::with_seed(seed);
        // Encoding is slow, so only one seed in four encodes messages.
        if seed.is_multiple_of(4) {
            network.encode_messages();
        }
        let mut cluster = Self {
            network,
            settings,
            service,
            up: BTreeMap::new(),
            down: BTreeMap::new(),
        };
        for id in IDS.into_iter().rev() {
            let mode = match id {
                1 => BootstrapMode::Fresh {
                    initial_members: members(1..=3),
                },
                _ => BootstrapMode::Join,
            };
            cluster.start_node(id, TempDir::new().unwrap(), mode);
        }
        cluster
    }

    fn start_node(&mut self, id: u64, dir: TempDir, mode: BootstrapMode<Registers>) {
        let node = Node::start(id, dir, &self.network, &self.settings, mode);
        self.network.register(id, node.handle.raft.clone());
        self.service.add(id, node.handle.clone());
        self.up.insert(id, node);
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.up.values()
    }

    pub fn node(&self, id: u64) -> Option<&Node> {
        self.up.get(&id)
    }

    /// Ends the nodes `ids` at the same moment.
    pub fn crash(&mut self, ids: impl IntoIterator<Item = u64>, crash: Crash, rng: &mut Rng) {
        let nodes: Vec<Node> = ids.into_iter().filter_map(|id| self.up.remove(&id)).collect();
        for node in &nodes {
            node.cut_off(&self.network);
            self.service.remove(node.id);
        }
        for node in nodes {
            let id = node.id;
            let disk = node.crash(crash, rng);
            self.down.insert(id, disk.restore());
        }
    }

    /// Starts all nodes that are down, on the files that the crash left.
    pub fn restart_all(&mut self) {
        while let Some((id, dir)) = self.down.pop_first() {
            self.start_node(id, dir, BootstrapMode::Join);
        }
    }

    /// Restarts the nodes in which openraft panicked, as a supervisor does, and returns their ids.
    pub fn supervise(&mut self, rng: &mut Rng) -> Vec<u64> {
        let stopped = self.up.values().filter(|node| node.handle.has_stopped());
        let stopped: Vec<u64> = stopped.map(|node| node.id).collect();
        self.crash(stopped.iter().copied(), Crash::Kill, rng);
        self.restart_all();
        stopped
    }

    /// Returns the node that leads in the latest term and has committed an entry of that term.
    pub fn leader(&self) -> Option<&Node> {
        let leads = |node: &&Node| {
            let metrics = node.handle.raft.metrics();
            let metrics = metrics.borrow_watched();
            let committed = metrics
                .cluster_committed
                .map(|log_id| log_id.committed_leader_id().term);
            metrics.state.is_leader() && committed == Some(metrics.current_term)
        };
        self.up.values().filter(leads).max_by_key(|node| node.term())
    }

    /// Returns the voters in the view of the leader.
    pub fn voters(&self) -> BTreeSet<u64> {
        let nodes = self.leader().or(self.up.values().max_by_key(|node| node.term()));
        nodes.map(|node| node.voters()).unwrap_or_default()
    }

    pub fn wait_for_leader(&self) -> &Node {
        wait_for("there is a leader", || self.leader())
    }

    /// Returns `Ok` once all voters have applied the same entries, an error if their states differ at the same log id,
    /// and `None` while some voters lag.
    pub fn agree(&self) -> Option<Result<(), String>> {
        let voters = self.voters().into_iter();
        let applied: Vec<_> = voters.map(|id| (id, self.up[&id].handle.kv.applied())).collect();
        let (first, of_first) = applied.first()?;
        let lags = |(_, applied): &(u64, Applied<Registers>)| applied.last_log_id != of_first.last_log_id;
        if applied.iter().any(lags) {
            return None;
        }
        let differs = applied.iter().find(|(_, applied)| applied != of_first);
        Some(match differs {
            None => Ok(()),
            Some((id, applied)) => Err(format!("node {first} has {of_first:?}\nnode {id} has {applied:?}")),
        })
    }

    pub fn stop(self) {
        for node in self.up.values() {
            node.handle.raft.runtime_config().elect(false);
        }
        for node in self.up.into_values() {
            node.stop();
        }
    }
}

/// Waits until `look` returns something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Node {
    pub fn term(&self) -> u64 {
        self.handle.raft.metrics().borrow_watched().current_term
    }

    pub fn voters(&self) -> BTreeSet<u64> {
        self.handle
            .raft
            .metrics()
            .borrow_watched()
            .membership_config
            .voter_ids()
            .collect()
    }
}

impl Handle {
    /// Returns whether openraft has stopped by itself. Only a panic may make it stop.
    fn has_stopped(&self) -> bool {
        let mut metrics = self.raft.metrics();
        while let Some(changed) = metrics.changed().now_or_never() {
            if changed.is_err() {
                let state = metrics.borrow_watched().running_state.clone();
                assert_eq!(state, Ok(()), "node {}", self.raft.node_id());
                panics::assert_all_are_openrafts();
                return true;
            }
        }
        false
    }

    /// Sets whether the node may stand for election.
    pub fn elect(&self, may: bool) {
        self.raft.runtime_config().elect(may);
    }
}
