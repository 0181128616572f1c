//! A node of the new release, whose state machine raises the level.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, TryStreamExt};
use openraft_toolkit::codec::WriteVersion;
use openraft_toolkit::lifecycle::{BootstrapMode, bootstrap};
use openraft_toolkit::log_store::Flat;
use openraft_toolkit::openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, OptionalSend, Raft, RaftMetrics};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit_tests::log::{open_as, open_dir};
use openraft_toolkit_tests::node::{DEADLINE, config};
use rocksdb::DB;
use tempfile::TempDir;
use tokio::sync::watch;

use super::commands::{Command, Types, versions};

/// What a node has applied. The state is only in memory: each start applies the log again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    pub last: Option<LogIdOf<Types>>,
    pub membership: StoredMembershipOf<Types>,
    pub commands: Vec<Command>,
}

/// A state machine that raises its node's level, and applies nothing while its gate is closed.
#[derive(Clone)]
pub struct Machine {
    pub applied: Arc<Mutex<Applied>>,
    pub level: WriteVersion,
    pub gate: watch::Receiver<bool>,
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogIdOf<Types>>, StoredMembershipOf<Types>)> {
        let applied = self.applied.lock().unwrap();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            drop(self.gate.wait_for(|open| *open).await);
            {
                let mut applied = self.applied.lock().unwrap();
                applied.last = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Membership(m) => {
                        applied.membership = StoredMembershipOf::<Types>::new(applied.last, m);
                    }
                    EntryPayload::Normal(command) => {
                        if let Command::Raise(level) = command {
                            self.level.raise(level).map_err(io::Error::other)?;
                        }
                        applied.commands.push(command);
                    }
                }
            }
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, _: &SnapshotMetaOf<Types>, _: Cursor<Vec<u8>>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, Cursor<Vec<u8>>>>> {
        Ok(None)
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, Cursor<Vec<u8>>>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A node of the new release, whose level starts at 1.
pub struct Node {
    pub raft: Raft<Types, Machine>,
    pub machine: Machine,
    pub gate: watch::Sender<bool>,
    pub db: Arc<DB>,
}

impl Node {
    pub async fn start(id: u64, dir: &TempDir, network: &Arc<MemNetwork<Types>>) -> Self {
        let db = open_dir(dir);
        let level = WriteVersion::new(1);
        let log = open_as::<Types, _>(&db, Flat).with_write_version(level.clone());
        let (gate, receiver) = watch::channel(true);
        let machine = Machine {
            applied: Arc::default(),
            level,
            gate: receiver,
        };
        let config = Arc::new(config().validate().unwrap());
        let raft = Raft::new(id, config, network.factory_for(id), log, machine.clone())
            .await
            .unwrap();
        Self {
            raft,
            machine,
            gate,
            db,
        }
    }

    pub async fn write(&self, command: Command) {
        self.raft.client_write(command).await.unwrap();
    }

    pub async fn wait(&self, what: &str, condition: impl Fn(&RaftMetrics<Types>) -> bool + Send) {
        let wait = self.raft.wait(Some(DEADLINE));
        wait.metrics(condition, what).await.unwrap();
    }

    pub fn level(&self) -> u8 {
        self.machine.level.get()
    }

    pub fn applied(&self) -> Applied {
        self.machine.applied.lock().unwrap().clone()
    }

    pub fn versions(&self) -> Vec<u8> {
        versions(&self.db, Flat)
    }
}

/// Starts a leader, which is the only voter, and a learner that follows it.
pub async fn leader_and_learner(dirs: &[TempDir; 2]) -> (Node, Node) {
    let network = MemNetwork::new();
    let learner = Node::start(2, &dirs[1], &network).await;
    bootstrap(&learner.raft, BootstrapMode::Join).await.unwrap();
    network.register(2, learner.raft.clone());

    let leader = Node::start(1, &dirs[0], &network).await;
    let initial_members = [(1, ())].into();
    bootstrap(&leader.raft, BootstrapMode::Fresh { initial_members })
        .await
        .unwrap();
    network.register(1, leader.raft.clone());
    let leads = |m: &RaftMetrics<Types>| {
        let committed = m.cluster_committed.map(|log_id| log_id.committed_leader_id().term);
        committed == Some(m.current_term) && m.state.is_leader()
    };
    leader.wait("leads, and has committed in its term", leads).await;
    leader.raft.add_learner(2, (), true).await.unwrap();
    (leader, learner)
}

/// Returns whether the newest committed membership has node `id`.
pub fn has_member(metrics: &RaftMetrics<Types>, id: u64) -> bool {
    metrics.committed_membership_config.membership().get_node(&id).is_some()
}
