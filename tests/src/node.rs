//! Nodes that start, stop and start again on the files of a temporary folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft_toolkit::lifecycle::{BootstrapError, BootstrapMode, Bootstrapped, bootstrap, wait_writable};
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, KeySpace, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db,
};
use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::{ClientWriteError, ForwardReason, RaftError};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft_toolkit::openraft::{self, BasicNode, Config, RaftMetrics, SnapshotPolicy};
use openraft_toolkit::test_fakes::MemNetwork;
use tempfile::TempDir;

use crate::image::ACCOUNT;
use crate::state_machine::KvStateMachine;
use crate::types::{Set, TypeConfig};

pub type Raft = openraft::Raft<TypeConfig, KvStateMachine>;
pub type Network = Arc<MemNetwork<TypeConfig>>;

/// The deadline of every wait. The deadline may be long, because only a failing test waits for it to pass.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Returns a config with elections within a second, and snapshots only when a test asks for them.
pub fn config() -> Config {
    Config {
        cluster_name: "test".to_string(),
        heartbeat_interval: 50,
        election_timeout_min: 300,
        election_timeout_max: 600,
        install_snapshot_timeout: 5_000,
        backoff: "20ms".to_string(),
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    }
}

/// Returns the address of node `id` in the membership. `MemNetwork` ignores addresses.
pub fn address(id: u64) -> BasicNode {
    BasicNode::new(format!("node-{id}"))
}

/// Returns the nodes `ids` as `initial_members`.
pub fn members(ids: impl IntoIterator<Item = u64>) -> BTreeMap<u64, BasicNode> {
    ids.into_iter().map(|id| (id, address(id))).collect()
}

/// Returns the mode that forms a cluster of the nodes `ids`.
pub fn fresh(ids: impl IntoIterator<Item = u64>) -> BootstrapMode<TypeConfig> {
    BootstrapMode::Fresh {
        initial_members: members(ids),
    }
}

/// The key space of a node's log.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    Flat,
    Group(u64),
}

/// The id and the files of a node. The files stay when the node is stopped.
pub struct Host {
    pub id: u64,
    keys: Keys,
    dir: Arc<TempDir>,
}

/// The vote and the log that a node has on disk.
#[derive(Debug, PartialEq)]
pub struct Stored {
    pub vote: Option<VoteOf<TypeConfig>>,
    pub last_purged: Option<LogIdOf<TypeConfig>>,
    pub entries: Vec<EntryOf<TypeConfig>>,
}

impl Stored {
    pub fn is_blank(&self) -> bool {
        self.vote.is_none() && self.last_purged.is_none() && self.entries.is_empty()
    }
}

impl Host {
    pub fn new(id: u64, keys: Keys) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self { id, keys, dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns a copy of the host with the files that a running node leaves if its process is killed now.
    pub fn killed(&self) -> Self {
        let copy = Self::new(self.id, self.keys);
        copy_folder(self.path(), copy.path());
        copy
    }

    /// Opens the storage and creates the `Raft`, but does not call [`bootstrap`].
    pub async fn open(&self, network: &Network) -> Node {
        self.open_with(network, config()).await
    }

    pub async fn open_with(&self, network: &Network, config: Config) -> Node {
        match self.keys {
            Keys::Flat => self.open_on(self.log_store(Flat).await, network, config).await,
            Keys::Group(id) => {
                self.open_on(self.log_store(GroupPrefixed::new(id)).await, network, config)
                    .await
            }
        }
    }

    async fn open_on<K: KeySpace>(
        &self,
        log_store: RocksdbLogStore<TypeConfig, K>,
        network: &Network,
        config: Config,
    ) -> Node {
        let config = Arc::new(config.validate().unwrap());
        let kv = KvStateMachine::open(self.path());
        let factory = network.factory_for(self.id);
        let raft = Raft::new(self.id, config, factory, log_store, kv.clone())
            .await
            .unwrap();
        Node {
            id: self.id,
            raft,
            kv,
            _dir: self.dir.clone(),
        }
    }

    /// Starts a node as a service does: opens it, calls [`bootstrap`], and only then makes it reachable.
    pub async fn start(
        &self,
        network: &Network,
        mode: BootstrapMode<TypeConfig>,
    ) -> Result<(Node, Bootstrapped), BootstrapError<TypeConfig>> {
        let node = self.open(network).await;
        match bootstrap(&node.raft, mode).await {
            Ok(bootstrapped) => {
                network.register(self.id, node.raft.clone());
                Ok((node, bootstrapped))
            }
            Err(error) => {
                node.stop().await;
                Err(error)
            }
        }
    }

    /// Reads what the files hold. The node must be stopped.
    pub async fn stored(&self) -> Stored {
        match self.keys {
            Keys::Flat => read(self.log_store(Flat).await).await,
            Keys::Group(id) => read(self.log_store(GroupPrefixed::new(id)).await).await,
        }
    }

    /// Opens the log. If a node was just stopped, waits until it has closed its database.
    pub async fn log_store<K: KeySpace>(&self, keys: K) -> RocksdbLogStore<TypeConfig, K> {
        let path = self.path().join("log");
        let started = Instant::now();
        let db = loop {
            match open_db(&path, LogDbOptions::default()) {
                Ok(db) => break db,
                Err(error) if started.elapsed() > DEADLINE => panic!("{error:?}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        RocksdbLogStore::open(db, LOG_CF, META_CF, keys).unwrap()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let mut entries: Vec<_> = fs::read_dir(from).unwrap().map(Result::unwrap).collect();
    // Copy the account first: it may be older than the WAL, and never newer.
    entries.sort_by_key(|entry| entry.file_name() != ACCOUNT);
    for entry in entries {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

async fn read<K: KeySpace>(mut log: RocksdbLogStore<TypeConfig, K>) -> Stored {
    let state = log.get_log_state().await.unwrap();
    let first = state.last_purged_log_id.map_or(0, |purged| purged.index + 1);
    let end = state.last_log_id.map_or(0, |last| last.index + 1);
    Stored {
        vote: log.read_vote().await.unwrap(),
        last_purged: state.last_purged_log_id,
        entries: log.try_get_log_entries(first..end.max(first)).await.unwrap(),
    }
}

/// A running node.
pub struct Node {
    pub id: u64,
    pub raft: Raft,
    pub kv: KvStateMachine,
    _dir: Arc<TempDir>,
}

impl Node {
    /// Stops the node, so that its files can be opened again.
    pub async fn stop(self) {
        self.raft.shutdown().await.unwrap();
    }

    /// Writes through the log. This node must be the leader.
    pub async fn set(&self, key: &str, value: &str) {
        let set = Set {
            key: key.to_string(),
            value: value.to_string(),
        };
        loop {
            match self.raft.client_write(set.clone()).await {
                Ok(_) => return,
                // The leader has not heard from a majority lately. It has written nothing.
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))
                    if forward.reason == ForwardReason::LeaseExpired =>
                {
                    wait_writable(&self.raft, DEADLINE).await.unwrap();
                }
                Err(error) => panic!("node {} cannot write: {error:?}", self.id),
            }
        }
    }

    /// Waits until `condition` holds for the node's metrics.
    pub async fn wait(
        &self,
        what: &str,
        condition: impl Fn(&RaftMetrics<TypeConfig>) -> bool + Send,
    ) -> RaftMetrics<TypeConfig> {
        let waited = self.raft.wait(Some(DEADLINE)).metrics(condition, what).await;
        waited.unwrap_or_else(|error| panic!("node {}: {error}", self.id))
    }

    /// Waits until this node is the leader and has committed an entry of its term.
    pub async fn wait_to_lead(&self) {
        self.wait("leads", |m| {
            let committed = m.cluster_committed.map(|log_id| log_id.committed_leader_id().term);
            m.state.is_leader() && committed == Some(m.current_term)
        })
        .await;
    }
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until all `nodes` agree on the leader and its term, and the leader is one of `nodes`. Returns the leader.
pub async fn wait_for_leader<'a>(nodes: &[&'a Node]) -> &'a Node {
    let mut leader = None;
    eventually("all nodes see the same leader", || {
        let views = nodes.iter().map(|node| {
            let metrics = node.raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.current_leader, metrics.current_term)
        });
        let views: BTreeSet<_> = views.collect();
        leader = match views.first() {
            Some((Some(id), _)) if views.len() == 1 => nodes.iter().find(|node| node.id == *id),
            _ => None,
        };
        leader.is_some()
    })
    .await;
    leader.unwrap()
}

/// Waits until all `nodes` have applied exactly what `leader` has applied.
pub async fn wait_to_agree(leader: &Node, nodes: &[&Node]) {
    eventually("all state machines agree", || {
        let applied = leader.kv.applied();
        nodes.iter().all(|node| node.kv.applied() == applied)
    })
    .await;
}
