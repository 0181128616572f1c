//! A cluster of nodes in one process, for tests.

mod builder;
mod error;
mod network;
mod report;
mod stores;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::async_runtime::WatchReceiver;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::{Config, OptionalSend, OptionalSync, Raft, RaftMetrics};

pub use self::builder::ClusterBuilder;
pub use self::error::ClusterError;
pub use self::network::ClusterNetwork;
use self::report::{Belief, table};
pub use self::stores::OpenStores;
use self::stores::{OpenNode, Opened};
use super::MemNetwork;
use crate::RaftTypes;
use crate::lifecycle::{BootstrapMode, MembershipError, add_learner, bootstrap, change_membership};
use crate::support::lock::lock;

/// How long a node that starts again waits for the stores of its earlier life to be closed.
const CLOSING: Duration = Duration::from_secs(10);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// Nodes of one cluster in one process, to be started, stopped, crashed and waited for.
///
/// It runs on any stores, and on a [`MemNetwork`] or a [network of your own](ClusterNetwork). All methods take
/// `&self`, so that a test which does several things at once shares it in an `Arc`. A cluster that is dropped
/// ends its nodes.
///
/// # Examples
///
/// The [module](super) shows a whole test. What its helpers take is `&Cluster<C, SM>`, whatever the log store is:
///
/// ```
/// use openraft_toolkit::RaftTypes;
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::test_fakes::{Cluster, ClusterError};
///
/// /// Restarts one node after the other.
/// async fn rolling_restart<C: RaftTypes, SM>(cluster: &Cluster<C, SM>) -> Result<(), ClusterError<C>>
/// where
///     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
/// {
///     for id in cluster.running() {
///         cluster.stop(id.clone()).await?;
///         cluster.wait_for_leader().await?;
///         cluster.restart(id).await?;
///         cluster.wait_for_agreement().await?;
///     }
///     Ok(())
/// }
/// ```
pub struct Cluster<C, SM, N = Arc<MemNetwork<C>>>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    N: ClusterNetwork<C>,
{
    open: Box<dyn OpenNode<C, SM, N::Factory>>,
    network: N,
    config: Arc<Config>,
    deadline: Duration,
    nodes: Mutex<BTreeMap<NodeIdOf<C>, Node<C, SM>>>,
}

enum Node<C, SM>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
{
    Starting,
    Running(Opened<C, SM>),
    Down {
        /// How it went down.
        how: &'static str,
        /// What it believed then.
        last: Box<RaftMetrics<C>>,
    },
}

impl<C, SM> Cluster<C, SM>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
{
    /// A cluster on the stores that `open` opens; see [`OpenStores`].
    ///
    /// # Examples
    ///
    /// On RocksDB, in a folder for each node:
    ///
    /// ```
    /// # #[cfg(feature = "rocksdb-log-store")] mod example {
    /// use std::io;
    /// use std::path::{Path, PathBuf};
    ///
    /// use openraft_toolkit::RaftTypes;
    /// use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
    /// use openraft_toolkit::openraft::storage::RaftStateMachine;
    /// use openraft_toolkit::test_fakes::{Cluster, ClusterError};
    ///
    /// async fn three_nodes<C, SM>(
    ///     dir: PathBuf,
    ///     open_state_machine: fn(&Path) -> SM,
    /// ) -> Result<Cluster<C, SM>, ClusterError<C>>
    /// where
    ///     C: RaftTypes<NodeId = u64, Node: Default>,
    ///     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    /// {
    ///     let cluster = Cluster::builder(move |id: u64| {
    ///         let dir = dir.join(id.to_string());
    ///         async move {
    ///             let db = open_db(&dir.join("log"), LogDbOptions::default()).map_err(io::Error::other)?;
    ///             let log = RocksdbLogStore::<C, _>::open(db, LOG_CF, META_CF, Flat).map_err(io::Error::other)?;
    ///             Ok((log, open_state_machine(&dir)))
    ///         }
    ///     });
    ///     cluster.nodes([1, 2, 3]).start().await
    /// }
    /// # }
    /// ```
    pub fn builder<LS, F, Fut>(open: F) -> ClusterBuilder<C, F>
    where
        LS: RaftLogStorage<C>,
        F: Fn(NodeIdOf<C>) -> Fut + OptionalSend + OptionalSync + 'static,
        Fut: Future<Output = io::Result<(LS, SM)>> + OptionalSend + 'static,
    {
        ClusterBuilder::new(open)
    }
}

impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    N: ClusterNetwork<C>,
{
    fn new(open: Box<dyn OpenNode<C, SM, N::Factory>>, network: N, config: Arc<Config>, deadline: Duration) -> Self {
        let nodes = Mutex::new(BTreeMap::new());
        Self {
            open,
            network,
            config,
            deadline,
            nodes,
        }
    }

    /// The network, for faults and counts: `cluster.network().partitions().isolate(1)`.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// The `Raft` of node `id`.
    ///
    /// # Panics
    ///
    /// Where it does not run, with a [report](Self::report). [`get`](Self::get) is for nodes that may be down.
    #[track_caller]
    pub fn raft(&self, id: NodeIdOf<C>) -> Raft<C, SM> {
        match self.get(&id) {
            Some(raft) => raft,
            None => panic!("{}", self.not_running(id)),
        }
    }

    /// The `Raft` of node `id`, if it runs.
    pub fn get(&self, id: &NodeIdOf<C>) -> Option<Raft<C, SM>> {
        match self.nodes().get(id) {
            Some(Node::Running((raft, _))) => Some(raft.clone()),
            _ => None,
        }
    }

    /// The state machine of node `id`: a clone of what its stores were opened with.
    ///
    /// # Panics
    ///
    /// Where it does not run, with a [report](Self::report).
    #[track_caller]
    pub fn state_machine(&self, id: NodeIdOf<C>) -> SM {
        let state_machine = match self.nodes().get(&id) {
            Some(Node::Running((_, state_machine))) => Some(state_machine.clone()),
            _ => None,
        };
        match state_machine {
            Some(state_machine) => state_machine,
            None => panic!("{}", self.not_running(id)),
        }
    }

    /// The nodes that run.
    pub fn running(&self) -> BTreeSet<NodeIdOf<C>> {
        let nodes = self.nodes();
        let running = nodes.iter().filter(|(_, node)| matches!(node, Node::Running(_)));
        running.map(|(id, _)| id.clone()).collect()
    }

    /// The nodes that were stopped or crashed.
    pub fn down(&self) -> BTreeSet<NodeIdOf<C>> {
        let nodes = self.nodes();
        let down = nodes.iter().filter(|(_, node)| matches!(node, Node::Down { .. }));
        down.map(|(id, _)| id.clone()).collect()
    }

    /// Shuts node `id` down in order. It does not hand over its leadership.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotRunning`].
    pub async fn stop(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let (raft, _) = self.take_down(&id, "stopped")?;
        // It never fails.
        let _ = raft.shutdown().await;
        self.network.disconnect(id);
        Ok(())
    }

    /// Ends node `id` as a kill of its process would: from one moment to the next it reaches nobody and is not
    /// reached. Then its `Raft` is shut down, so that its stores can be opened again.
    ///
    /// What the node had given to its stores before stays there, whether it was synced or not. A store that
    /// forgets what was not synced is for `open` to provide.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotRunning`].
    pub async fn crash(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let (raft, _) = self.take_down(&id, "crashed")?;
        self.network.disconnect(id);
        let _ = raft.shutdown().await;
        Ok(())
    }

    /// Starts a node that was stopped or crashed again, on the stores that it had.
    ///
    /// A node that had state must find it: it is bootstrapped with
    /// [`Reopen`](crate::lifecycle::BootstrapMode::Reopen). Wait for the end of this call, even if it is to fail: a
    /// start that is broken off leaves the node neither up nor down.
    ///
    /// # Errors
    ///
    /// [`ClusterError::AlreadyThere`] where it runs, [`ClusterError::NotRunning`] where there never was one, and
    /// what keeps it from starting, when it is down as before.
    pub async fn restart(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let down = {
            let mut nodes = self.nodes();
            match nodes.get_mut(&id) {
                Some(node @ Node::Down { .. }) => Some(mem::replace(node, Node::Starting)),
                Some(_) => None,
                None => {
                    drop(nodes);
                    return Err(self.not_running(id));
                }
            }
        };
        let Some(Node::Down { how, last }) = down else {
            return Err(self.already_there(id));
        };
        let mode = match has_state(&last) {
            true => BootstrapMode::Reopen,
            false => BootstrapMode::Join,
        };
        let closed_by = C::now() + CLOSING.min(self.deadline);
        let started = loop {
            match self.start_node(id.clone(), mode.clone()).await {
                Err(ClusterError::Open { .. }) if C::now() < closed_by => C::sleep(INTERVAL).await,
                started => break started,
            }
        };
        if started.is_err() {
            self.nodes().insert(id, Node::Down { how, last });
        }
        started
    }

    /// Starts a node that was not there before, for a leader to bring it in. [`add_learner`](Self::add_learner)
    /// does both.
    ///
    /// # Errors
    ///
    /// [`ClusterError::AlreadyThere`], and what keeps it from starting.
    pub async fn add_node(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let is_there = {
            let mut nodes = self.nodes();
            let is_there = nodes.contains_key(&id);
            if !is_there {
                nodes.insert(id.clone(), Node::Starting);
            }
            is_there
        };
        if is_there {
            return Err(self.already_there(id));
        }
        let started = self.start_node(id.clone(), BootstrapMode::Join).await;
        if started.is_err() {
            self.nodes().remove(&id);
        }
        started
    }

    /// Starts a node that was not there before, makes it a learner and waits until it has applied what had been
    /// committed by then, itself as a learner included.
    ///
    /// It rests on [`lifecycle::add_learner`](crate::lifecycle::add_learner).
    ///
    /// # Errors
    ///
    /// Those of [`add_node`](Self::add_node), of [`wait_for_leader_among`](Self::wait_for_leader_among) the other
    /// running nodes, and [`ClusterError::Membership`].
    pub async fn add_learner(&self, id: NodeIdOf<C>, node: NodeOf<C>) -> Result<(), ClusterError<C>> {
        let others = self.running();
        self.add_node(id.clone()).await?;
        let leader = self.wait_for_leader_among(others).await?;
        let leader = self.get(&leader).ok_or_else(|| self.not_running(leader))?;
        let what = format!("node {id} is a learner");
        let learner = add_learner(&leader, id.clone(), node, false);
        let added = self.change(&what, learner).await?.index;
        let what = format!("it has applied up to index {added}, where it was made a learner");
        let caught_up = |m: &RaftMetrics<C>| m.last_applied.as_ref().is_some_and(|applied| applied.index >= added);
        self.wait_for_metrics(id, &what, caught_up).await?;
        Ok(())
    }

    /// Makes these nodes the voters, of which each is a voter or a learner, and waits until that is committed.
    /// The other voters leave the cluster, and run on.
    ///
    /// It rests on [`lifecycle::change_membership`](crate::lifecycle::change_membership).
    ///
    /// # Errors
    ///
    /// Those of [`wait_for_leader`](Self::wait_for_leader), and [`ClusterError::Membership`].
    pub async fn change_voters(&self, voters: impl IntoIterator<Item = NodeIdOf<C>>) -> Result<(), ClusterError<C>> {
        let voters: BTreeSet<NodeIdOf<C>> = voters.into_iter().collect();
        let leader = self.wait_for_leader().await?;
        let leader = self.get(&leader).ok_or_else(|| self.not_running(leader))?;
        let what = format!("the voters are {voters:?}");
        self.change(&what, change_membership(&leader, voters, false)).await?;
        Ok(())
    }

    /// Shuts all nodes down, none of which becomes leader while the others go.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Network`] where the network has a [failure](ClusterNetwork::failure), so that a test which
    /// ends with this call passes with none.
    pub async fn shutdown(&self) -> Result<(), ClusterError<C>> {
        self.shut_down_all().await;
        self.check_network()
    }

    /// What each node believes, and what the network did: the end of most errors.
    ///
    /// For each node, a line of whether it runs, its role, term, vote and leader, its log and its membership. Of a
    /// node that is down they are those of its end.
    pub fn report(&self) -> String {
        let beliefs: Vec<Belief<C>> = self
            .nodes()
            .iter()
            .map(|(id, node)| match node {
                Node::Starting => Belief {
                    process: "starting",
                    metrics: RaftMetrics::new_initial(id.clone()),
                },
                Node::Running((raft, _)) => Belief {
                    process: "running",
                    metrics: metrics(raft),
                },
                Node::Down { how, last } => Belief {
                    process: how,
                    metrics: RaftMetrics::clone(last),
                },
            })
            .collect();
        format!("{}\n{}", table(&beliefs), self.network.report())
    }

    /// Opens all nodes, looks whether there was a cluster before, and lets them in.
    async fn form(&self, members: BTreeMap<NodeIdOf<C>, NodeOf<C>>) -> Result<(), ClusterError<C>> {
        let mut initialized = false;
        for id in members.keys() {
            let (raft, state_machine) = self.open(id).await?;
            let fatal = |source| ClusterError::Fatal { id: id.clone(), source };
            initialized |= raft.is_initialized().await.map_err(fatal)?;
            self.nodes().insert(id.clone(), Node::Running((raft, state_machine)));
        }
        for (i, id) in members.keys().enumerate() {
            let mode = match i == 0 && !initialized {
                true => BootstrapMode::Fresh {
                    initial_members: members.clone(),
                },
                false => BootstrapMode::Join,
            };
            self.let_in(id.clone(), self.raft(id.clone()), mode).await?;
        }
        Ok(())
    }

    async fn start_node(&self, id: NodeIdOf<C>, mode: BootstrapMode<C>) -> Result<(), ClusterError<C>> {
        let (raft, state_machine) = self.open(&id).await?;
        if let Err(error) = self.let_in(id.clone(), raft.clone(), mode).await {
            let _ = raft.shutdown().await;
            return Err(error);
        }
        self.nodes().insert(id, Node::Running((raft, state_machine)));
        Ok(())
    }

    async fn open(&self, id: &NodeIdOf<C>) -> Result<Opened<C, SM>, ClusterError<C>> {
        let factory = self.network.factory(id.clone());
        self.open.open_node(id.clone(), self.config.clone(), factory).await
    }

    /// Bootstraps a node, and makes it reachable.
    async fn let_in(&self, id: NodeIdOf<C>, raft: Raft<C, SM>, mode: BootstrapMode<C>) -> Result<(), ClusterError<C>> {
        if let Err(source) = bootstrap(&raft, mode).await {
            return Err(ClusterError::Bootstrap { id, source });
        }
        let connected = self.network.connect(id.clone(), raft).await;
        connected.map_err(|source| ClusterError::Connect { id, source })
    }

    fn take_down(&self, id: &NodeIdOf<C>, how: &'static str) -> Result<Opened<C, SM>, ClusterError<C>> {
        let mut nodes = self.nodes();
        if let Some(node @ Node::Running(_)) = nodes.get_mut(id)
            && let Node::Running(opened) = mem::replace(node, Node::Starting)
        {
            let last = Box::new(metrics(&opened.0));
            *node = Node::Down { how, last };
            return Ok(opened);
        }
        drop(nodes);
        Err(self.not_running(id.clone()))
    }

    async fn shut_down_all(&self) {
        let running = self.running();
        for raft in running.iter().filter_map(|id| self.get(id)) {
            raft.runtime_config().elect(false);
        }
        for id in running {
            // Another task may have stopped it.
            let _ = self.stop(id).await;
        }
    }

    async fn change<T: OptionalSend>(
        &self,
        what: &str,
        change: impl Future<Output = Result<T, MembershipError<C>>> + OptionalSend,
    ) -> Result<T, ClusterError<C>> {
        match C::timeout(self.deadline, change).await {
            Ok(Ok(changed)) => Ok(changed),
            Ok(Err(source)) => Err(ClusterError::Membership {
                source,
                report: self.report(),
            }),
            Err(_) => Err(ClusterError::Deadline {
                what: what.to_owned(),
                deadline: self.deadline,
                report: self.report(),
            }),
        }
    }

    fn check_network(&self) -> Result<(), ClusterError<C>> {
        match self.network.failure() {
            None => Ok(()),
            Some(failure) => Err(ClusterError::Network {
                failure,
                report: self.report(),
            }),
        }
    }

    fn beliefs(&self) -> BTreeMap<NodeIdOf<C>, RaftMetrics<C>> {
        let running = self.running();
        let beliefs = running.into_iter().filter_map(|id| {
            let raft = self.get(&id)?;
            Some((id, metrics(&raft)))
        });
        beliefs.collect()
    }

    fn not_running(&self, id: NodeIdOf<C>) -> ClusterError<C> {
        let report = self.report();
        ClusterError::NotRunning { id, report }
    }

    fn already_there(&self, id: NodeIdOf<C>) -> ClusterError<C> {
        let report = self.report();
        ClusterError::AlreadyThere { id, report }
    }
}

impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    N: ClusterNetwork<C>,
{
    fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeIdOf<C>, Node<C, SM>>> {
        lock(&self.nodes)
    }
}

/// The network would keep the nodes alive.
impl<C, SM, N> Drop for Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    N: ClusterNetwork<C>,
{
    fn drop(&mut self) {
        let nodes = mem::take(&mut *self.nodes());
        for (id, node) in nodes {
            if let Node::Running(_) = node {
                self.network.disconnect(id);
            }
        }
    }
}

fn metrics<C, SM>(raft: &Raft<C, SM>) -> RaftMetrics<C>
where
    C: RaftTypes,
    SM: RaftStateMachine<C>,
{
    raft.metrics().borrow_watched().clone()
}

/// Whether a node had a vote or a log, which it must not lose.
fn has_state<C: RaftTypes>(metrics: &RaftMetrics<C>) -> bool {
    metrics.last_log_index.is_some() || metrics.vote != RaftMetrics::<C>::new_initial(metrics.id.clone()).vote
}
