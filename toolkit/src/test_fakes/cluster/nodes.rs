//! The [`Cluster`]: which of its nodes run, and their metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft::alias::NodeIdOf;
use openraft::async_runtime::WatchReceiver;
use openraft::storage::RaftStateMachine;
use openraft::{Config, Raft, RaftMetrics};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use super::report::{Belief, table};
use super::stores::{OpenNode, Opened};
use crate::RaftTypes;
use crate::support::lock::lock;
use crate::test_fakes::network::MemNetwork;

/// The nodes of one cluster in one process, which a test starts, stops, crashes and waits for.
///
/// A cluster runs on any stores, and on a [`MemNetwork`] or [your own network](ClusterNetwork). All methods take
/// `&self`, so a test that does several things at once can share the cluster in an `Arc`. Dropping the cluster
/// disconnects its nodes and drops its handles on them. A node ends when the test holds no `Raft` of it either.
///
/// # Examples
///
/// The [module](crate::test_fakes) shows a whole test. A helper function takes `&Cluster<C, SM>`, whatever the log
/// store is:
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
    pub(super) open: Box<dyn OpenNode<C, SM, N::Factory>>,
    pub(super) network: N,
    pub(super) config: Arc<Config>,
    /// How long a wait may take.
    pub(super) deadline: Duration,
    nodes: Mutex<BTreeMap<NodeIdOf<C>, Node<C, SM>>>,
}

/// A node that starts, runs or is down.
pub(super) enum Node<C, SM>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
{
    Starting,
    Running(Opened<C, SM>),
    Down {
        /// How the node went down: "stopped" or "crashed".
        how: &'static str,
        /// The metrics of the node when it went down.
        last: Box<RaftMetrics<C>>,
    },
}

impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    N: ClusterNetwork<C>,
{
    pub(super) fn new(
        open: Box<dyn OpenNode<C, SM, N::Factory>>,
        network: N,
        config: Arc<Config>,
        deadline: Duration,
    ) -> Self {
        let nodes = Mutex::new(BTreeMap::new());
        Self {
            open,
            network,
            config,
            deadline,
            nodes,
        }
    }

    /// Returns the network, to set faults and read counts: `cluster.network().partitions().isolate(1)`.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// Returns the `Raft` of node `id`. For a node that may be down, use [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// If the node does not run. The message ends with a [report](Self::report).
    #[track_caller]
    pub fn raft(&self, id: NodeIdOf<C>) -> Raft<C, SM> {
        match self.get(&id) {
            Some(raft) => raft,
            None => panic!("{}", self.not_running(id)),
        }
    }

    /// Returns the `Raft` of node `id`, if the node runs.
    pub fn get(&self, id: &NodeIdOf<C>) -> Option<Raft<C, SM>> {
        match self.nodes().get(id) {
            Some(Node::Running((raft, _))) => Some(raft.clone()),
            _ => None,
        }
    }

    /// Returns the state machine of node `id`: a clone of the state machine that the node was opened with.
    ///
    /// # Panics
    ///
    /// If the node does not run. The message ends with a [report](Self::report).
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

    /// Returns the ids of the nodes that run.
    pub fn running(&self) -> BTreeSet<NodeIdOf<C>> {
        let nodes = self.nodes();
        let running = nodes.iter().filter(|(_, node)| matches!(node, Node::Running(_)));
        running.map(|(id, _)| id.clone()).collect()
    }

    /// Returns the ids of the nodes that were stopped or crashed.
    pub fn down(&self) -> BTreeSet<NodeIdOf<C>> {
        let nodes = self.nodes();
        let down = nodes.iter().filter(|(_, node)| matches!(node, Node::Down { .. }));
        down.map(|(id, _)| id.clone()).collect()
    }

    /// Returns the metrics of each node and the report of the network, as text. Most errors end with this text.
    ///
    /// The text has a line for each node: whether the node runs, its role, term, vote and leader, its log and its
    /// membership. The line of a node that is down shows its last metrics.
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

    /// Returns an error if the network reports a [failure](ClusterNetwork::failure).
    pub(super) fn check_network(&self) -> Result<(), ClusterError<C>> {
        match self.network.failure() {
            None => Ok(()),
            Some(failure) => Err(ClusterError::Network {
                failure,
                report: self.report(),
            }),
        }
    }

    /// Returns the metrics of all running nodes.
    pub(super) fn beliefs(&self) -> BTreeMap<NodeIdOf<C>, RaftMetrics<C>> {
        let running = self.running();
        let beliefs = running.into_iter().filter_map(|id| {
            let raft = self.get(&id)?;
            Some((id, metrics(&raft)))
        });
        beliefs.collect()
    }

    pub(super) fn not_running(&self, id: NodeIdOf<C>) -> ClusterError<C> {
        let report = self.report();
        ClusterError::NotRunning { id, report }
    }

    pub(super) fn already_there(&self, id: NodeIdOf<C>) -> ClusterError<C> {
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
    pub(super) fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeIdOf<C>, Node<C, SM>>> {
        lock(&self.nodes)
    }
}

/// Disconnects the running nodes, because the network would keep them alive.
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

pub(super) fn metrics<C, SM>(raft: &Raft<C, SM>) -> RaftMetrics<C>
where
    C: RaftTypes,
    SM: RaftStateMachine<C>,
{
    raft.metrics().borrow_watched().clone()
}
