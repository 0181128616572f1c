//! A node with its own runtime, so that it can be paused and killed like a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use fastrand::Rng;
use openraft_toolkit::lifecycle::{BootstrapMode, bootstrap};
use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
use openraft_toolkit::openraft::storage::RaftLogStorage;
use openraft_toolkit::openraft::{Config, SnapshotPolicy};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::image::ACCOUNT;
use rocksdb::DB;
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use super::broken::{Break, BrokenStore};
use super::power::{Crash, Disk};
use super::registers::{Kv, Raft, Registers};

pub type Network = Arc<MemNetwork<Registers>>;

/// Returns a config with elections within a moment, and snapshots only when the nemesis asks for them.
pub fn config() -> Config {
    Config {
        cluster_name: "registers".to_string(),
        heartbeat_interval: 50,
        election_timeout_min: 150,
        election_timeout_max: 300,
        install_snapshot_timeout: 1_000,
        backoff: "20ms".to_string(),
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        enable_leader_restore: Some(false),
        ..Config::default()
    }
}

/// The log store of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Rocksdb,
    Broken(Break),
}

/// The settings that all nodes of a cluster share.
#[derive(Clone)]
pub struct Settings {
    pub store: Store,
    pub config: Config,
}

/// The handle with which clients call a node. They accept its answers only while the node is alive.
#[derive(Clone)]
pub struct Handle {
    pub raft: Raft,
    pub kv: Kv,
    alive: Arc<AtomicBool>,
}

impl Handle {
    /// Returns whether the node has not crashed yet, so that its last answer counts.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }
}

pub struct Node {
    pub id: u64,
    pub handle: Handle,
    db: Arc<DB>,
    runtime: Runtime,
    dir: TempDir,
    /// The account of the log when it had been opened, which is durable.
    first_account: Vec<u8>,
}

impl Node {
    /// Starts a node on the files in `dir`. The node is not reachable yet.
    pub fn start(
        id: u64,
        dir: TempDir,
        network: &Network,
        settings: &Settings,
        mode: BootstrapMode<Registers>,
    ) -> Self {
        let config = Arc::new(settings.config.clone().validate().unwrap());
        // Use one worker, so that blocking it pauses the node.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(format!("node-{id}"))
            .enable_all()
            .build()
            .unwrap();
        let kv = Kv::open(dir.path());
        let db = open_db(dir.path().join("log"), LogDbOptions::default()).unwrap();
        let log = RocksdbLogStore::open(db.clone(), LOG_CF, META_CF, Flat).unwrap();
        let first_account = fs::read(dir.path().join("log").join(ACCOUNT)).unwrap();
        let raft = runtime.block_on(async {
            match settings.store {
                Store::Rocksdb => start(id, config, log, network, kv.clone(), mode).await,
                Store::Broken(breaks) => {
                    start(id, config, BrokenStore::new(log, breaks), network, kv.clone(), mode).await
                }
            }
        });
        let handle = Handle {
            raft,
            kv,
            alive: Arc::new(AtomicBool::new(true)),
        };
        Self {
            id,
            handle,
            db,
            runtime,
            dir,
            first_account,
        }
    }

    /// Pauses the node for `time`: none of its timers fires, and it handles no message.
    pub fn pause(&self, time: Duration) {
        self.runtime.spawn(async move { thread::sleep(time) });
    }

    /// Makes RocksDB write its memtables out and begin a new WAL.
    pub fn flush(&self) {
        for name in [LOG_CF, META_CF] {
            self.db.flush_cf(&self.db.cf_handle(name).unwrap()).unwrap();
        }
    }

    /// Cuts the node off from other nodes and from clients. The next step is [`crash`](Self::crash).
    pub fn cut_off(&self, network: &Network) {
        network.crash(self.id);
        self.handle.alive.store(false, Ordering::SeqCst);
    }

    /// Ends the node, and returns what `crash` leaves of its disk.
    pub fn crash(self, crash: Crash, rng: &mut Rng) -> Disk {
        let disk = Disk::after(crash, self.dir.path(), &self.first_account, &self.handle.kv, rng);
        self.end();
        disk
    }

    /// Stops the node with a shutdown.
    pub fn stop(self) {
        self.handle.raft.runtime_config().elect(false);
        self.runtime.block_on(self.handle.raft.shutdown()).unwrap();
        self.end();
    }

    /// Ends all tasks of the node, even if they are paused.
    fn end(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }
}

async fn start(
    id: u64,
    config: Arc<Config>,
    log: impl RaftLogStorage<Registers>,
    network: &Network,
    kv: Kv,
    mode: BootstrapMode<Registers>,
) -> Raft {
    let raft = Raft::new(id, config, network.factory_for(id), log, kv).await.unwrap();
    bootstrap(&raft, mode).await.unwrap();
    raft
}
