//! A node, which hosts groups on one database, one network and one runtime.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use futures_util::{StreamExt, TryStreamExt, stream};
use openraft_toolkit::openraft::async_runtime::WatchReceiver;
use openraft_toolkit::openraft::errors::{Fatal, ForwardReason};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::{BasicNode, Config, RaftMetrics};
use openraft_toolkit::{BootstrapMode, ProposeError, RocksdbLogStoreError, bootstrap, propose};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::database::Database;
use crate::router::Router;
use crate::rpc::GroupView;
use crate::snapshots::Snapshots;
use crate::state_machine::StateMachine;
use crate::stats::Stats;
use crate::types::{GroupId, Increment, NodeId, Raft, TypeConfig};

/// How many groups are opened at the same time: enough to share reads and fsyncs, but not so many that all their
/// tasks start at one moment.
const OPEN_AT_ONCE: usize = 64;

pub struct Node {
    pub id: NodeId,
    /// A number that is different at each start of the process.
    pub incarnation: u64,
    opened_db: Duration,
    opened_groups: Duration,
    database: Arc<Database>,
    snapshots: Snapshots,
    router: Router,
    config: Arc<Config>,
    groups: RwLock<HashMap<GroupId, Group>>,
}

/// One group on this node. Clones refer to the same group.
#[derive(Clone)]
pub struct Group {
    pub raft: Raft,
    pub state_machine: StateMachine,
    asleep: Arc<AtomicBool>,
}

impl Group {
    pub fn view(&self) -> GroupView {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        // A node that led before its restart may still name itself as the leader.
        let is_right = |leader: &NodeId| *leader != metrics.id || metrics.state.is_leader();
        GroupView {
            leader: metrics.current_leader.filter(is_right),
            count: self.state_machine.count(),
            asleep: self.asleep.load(Ordering::Relaxed),
        }
    }

    /// Writes through the log. Fails if this node does not lead.
    pub async fn write(&self, increment: Increment) -> Result<u64, ProposeError<TypeConfig>> {
        match propose(&self.raft, increment.clone()).await {
            // The leader was asleep, or has just been elected, and has no lease yet.
            Err(ProposeError::NotLeader { source, .. }) if source.reason == ForwardReason::LeaseExpired => {
                self.renew_lease().await;
                Ok(propose(&self.raft, increment).await?.data)
            }
            written => Ok(written?.data),
        }
    }

    /// Renews the lease of this leader. A leader refuses writes unless a majority has acknowledged it lately. A leader
    /// that was asleep must therefore ask the other nodes first, which takes a round trip.
    ///
    /// This function reports no error: without a lease, the write that follows fails.
    pub async fn renew_lease(&self) {
        let start = TypeConfig::now();
        let renewed = async {
            self.raft.trigger().heartbeat().await?;
            let acknowledged = |metrics: &RaftMetrics<TypeConfig>| {
                !metrics.state.is_leader() || metrics.last_quorum_acked.is_some_and(|sent| *sent >= start)
            };
            let patience = Duration::from_millis(self.raft.config().election_timeout_max);
            self.raft
                .wait(Some(patience))
                .metrics(acknowledged, "a majority")
                .await?;
            anyhow::Ok(())
        };
        if let Err(error) = renewed.await {
            tracing::debug!(%error, "no lease");
        }
    }

    /// Stops the timers of the group if `asleep` is set, and starts them again otherwise.
    pub fn set_asleep(&self, asleep: bool) {
        if self.asleep.swap(asleep, Ordering::Relaxed) != asleep {
            self.raft.runtime_config().tick(!asleep);
        }
    }
}

impl Node {
    /// Opens the node with all groups in the database in `dir`.
    pub async fn open(id: NodeId, dir: &Path, router: Router, config: Config) -> anyhow::Result<Self> {
        let start = Instant::now();
        let database = Database::open(dir).with_context(|| format!("cannot open {}", dir.display()))?;
        let opened_db = start.elapsed();
        let mut node = Self {
            id,
            incarnation: SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64,
            opened_db,
            opened_groups: Duration::ZERO,
            snapshots: database.snapshots(),
            database: Arc::new(database),
            router,
            config: Arc::new(config.validate()?),
            groups: RwLock::default(),
        };
        let hosted = node.snapshots.groups()?;
        // A log without a snapshot is the remains of an interrupted removal. Finish the removal.
        for group in node.database.logs()? {
            if hosted.binary_search(&group).is_err() {
                node.destroy_log(group).await?;
            }
        }
        stream::iter(hosted)
            .map(|group| node.start(group, BootstrapMode::Join))
            .buffer_unordered(OPEN_AT_ONCE)
            .try_collect::<()>()
            .await?;
        node.opened_groups = start.elapsed() - opened_db;
        Ok(node)
    }

    pub fn group(&self, id: GroupId) -> anyhow::Result<Group> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups
            .get(&id)
            .cloned()
            .ok_or_else(|| anyhow!("node {} does not host group {id}", self.id))
    }

    pub fn groups(&self) -> HashMap<GroupId, Group> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn views(&self) -> BTreeMap<GroupId, GroupView> {
        self.groups().iter().map(|(id, group)| (*id, group.view())).collect()
    }

    pub fn stats(&self) -> Stats {
        Stats {
            fsyncs: self.database.fsyncs(),
            opened_db_ms: self.opened_db.as_millis() as u64,
            opened_groups_ms: self.opened_groups.as_millis() as u64,
            ..Stats::of_this_process()
        }
    }

    /// Starts to host a group. If this node already hosts the group, nothing changes. With `founders`, this node founds
    /// the group and stands for election.
    pub async fn host(&self, id: GroupId, founders: Option<BTreeMap<NodeId, BasicNode>>) -> anyhow::Result<()> {
        if self.group(id).is_ok() {
            return Ok(());
        }
        let mode = match founders {
            Some(initial_members) => BootstrapMode::Fresh { initial_members },
            None => BootstrapMode::Join,
        };
        self.start(id, mode).await
    }

    async fn start(&self, id: GroupId, mode: BootstrapMode<TypeConfig>) -> anyhow::Result<()> {
        let database = Arc::clone(&self.database);
        let log = spawn_blocking(move || database.open_log(id)).await?;
        let log = log.with_context(|| format!("cannot open the log of group {id}"))?;
        let state_machine = StateMachine::open(self.snapshots.of(id)).await?;
        let network = self.router.of_group(id);
        let raft = Raft::new(self.id, self.config.clone(), network, log, state_machine.clone()).await?;
        bootstrap(&raft, mode).await?;
        let group = Group {
            raft,
            state_machine,
            asleep: Arc::default(),
        };
        self.groups
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, group);
        Ok(())
    }

    /// Waits until a group has stopped by itself, for example because the disk failed, and returns the error. The
    /// process must then end: as long as it answers pings, the other nodes do not take over its groups.
    pub async fn failure(&self) -> anyhow::Error {
        loop {
            sleep(Duration::from_secs(1)).await;
            for (id, group) in self.groups() {
                match &group.raft.metrics().borrow_watched().running_state {
                    Ok(()) | Err(Fatal::Stopped) => {}
                    Err(fatal) => return anyhow!(fatal.clone()).context(format!("group {id} has stopped")),
                }
            }
        }
    }

    /// Removes everything that this node stores of a group. Before that, this node must have left the group, unless the
    /// whole group is being removed: if a voter forgets what it has acknowledged, acknowledged writes can be lost.
    pub async fn remove(&self, id: GroupId) -> anyhow::Result<()> {
        let group = self.groups.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(group) = group {
            group.raft.shutdown().await?;
        }
        // Remove the snapshot before the log. If the process crashes in between, the next start finds a log without a
        // snapshot, and removes the log.
        let snapshots = self.snapshots.clone();
        spawn_blocking(move || snapshots.remove(id)).await??;
        self.destroy_log(id).await
    }

    /// Stops all groups.
    pub async fn shutdown(&self) -> anyhow::Result<()> {
        for group in self.groups().into_values() {
            group.raft.shutdown().await?;
        }
        Ok(())
    }

    async fn destroy_log(&self, id: GroupId) -> anyhow::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let start = Instant::now();
        loop {
            let database = Arc::clone(&self.database);
            match spawn_blocking(move || database.destroy_log(id)).await? {
                // A task of openraft may still hold a reader of the log for a moment after `shutdown` has returned.
                Err(RocksdbLogStoreError::AlreadyOpen { .. }) if start.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(10)).await;
                }
                destroyed => return destroyed.with_context(|| format!("cannot remove the log of group {id}")),
            }
        }
    }
}
