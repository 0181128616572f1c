//! How the nodes of a [`Cluster`] start, stop, crash and start again.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{Raft, RaftMetrics};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use super::nodes::{Cluster, Node, metrics};
use super::stores::Opened;
use super::wait::INTERVAL;
use crate::RaftTypes;
use crate::lifecycle::{BootstrapMode, bootstrap};

/// For how long, at most, `restart` tries again to open stores that the earlier run of the node may still be closing.
const CLOSING: Duration = Duration::from_secs(10);

impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    N: ClusterNetwork<C>,
{
    /// Shuts node `id` down cleanly. A leader does not hand over its leadership.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotRunning`] if the node is not running.
    pub async fn stop(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let (raft, _) = self.take_down(&id, "stopped")?;
        // Ignore the outcome: it only tells why the node stopped.
        let _ = raft.shutdown().await;
        self.network.disconnect(id);
        Ok(())
    }

    /// Ends node `id` as if its process was killed: from now on it reaches no node, and no node reaches it. Then shuts
    /// down its `Raft`, so that its stores can be opened again.
    ///
    /// Everything that the node has written to its stores stays there, even writes that are not durable. To simulate a
    /// power failure, let [`open`](super::OpenStores::open) return a store without these writes, such as the store that
    /// [`MemLogStore::crash`](crate::test_fakes::MemLogStore::crash) returns.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NotRunning`] if the node is not running.
    pub async fn crash(&self, id: NodeIdOf<C>) -> Result<(), ClusterError<C>> {
        let (raft, _) = self.take_down(&id, "crashed")?;
        self.network.disconnect(id);
        let _ = raft.shutdown().await;
        Ok(())
    }

    /// Starts a node that was stopped or crashed, on its earlier stores.
    ///
    /// A node that had state is bootstrapped with [`Reopen`](crate::lifecycle::BootstrapMode::Reopen), which fails if
    /// its stores are blank. A node without state is bootstrapped with [`Join`](crate::lifecycle::BootstrapMode::Join).
    ///
    /// Do not drop the future of this call before it ends: the node would stay between running and down, where no call
    /// can start or stop it.
    ///
    /// # Errors
    ///
    /// - [`ClusterError::AlreadyThere`] if the node runs, or another call is starting it.
    /// - [`ClusterError::NotRunning`] if there never was a node with this id.
    /// - [`ClusterError::Open`] if the stores cannot be opened.
    /// - [`ClusterError::Fatal`] if the `Raft` cannot start from the stores.
    /// - [`ClusterError::Bootstrap`] if [`lifecycle::bootstrap`](crate::lifecycle::bootstrap) returns an error.
    /// - [`ClusterError::Connect`] if the network cannot connect the node.
    ///
    /// After any of the last four, the node is down, as before.
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

    /// Starts a new node, which then waits for a leader to add it. As with [`restart`](Self::restart), do not drop the
    /// future of this call before it ends. [`add_learner`](Self::add_learner) starts a node and also adds it.
    ///
    /// # Errors
    ///
    /// - [`ClusterError::AlreadyThere`] if there is a node with this id, even if it is down.
    /// - [`ClusterError::Open`], [`ClusterError::Fatal`], [`ClusterError::Bootstrap`] or [`ClusterError::Connect`] as
    ///   for [`restart`](Self::restart), if the node does not start. There is then no node with this id, as before.
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

    /// Shuts down all running nodes. While this call shuts down one node after the other, the rest start no elections.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Network`] if the network has a [failure](ClusterNetwork::failure). So a test that ends with
    /// this call fails on any failure of the network.
    pub async fn shutdown(&self) -> Result<(), ClusterError<C>> {
        self.shut_down_all().await;
        self.check_network()
    }

    /// Opens all nodes, and bootstraps them. If all stores are blank, the nodes form a new cluster. Otherwise the nodes
    /// with state resume the earlier cluster, and the blank nodes wait for its leader.
    pub(super) async fn form(&self, members: BTreeMap<NodeIdOf<C>, NodeOf<C>>) -> Result<(), ClusterError<C>> {
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

    /// Opens a node, bootstraps it and connects it.
    async fn start_node(&self, id: NodeIdOf<C>, mode: BootstrapMode<C>) -> Result<(), ClusterError<C>> {
        let (raft, state_machine) = self.open(&id).await?;
        if let Err(error) = self.let_in(id.clone(), raft.clone(), mode).await {
            let _ = raft.shutdown().await;
            return Err(error);
        }
        self.nodes().insert(id, Node::Running((raft, state_machine)));
        Ok(())
    }

    /// Opens the stores of a node, and makes its `Raft`.
    async fn open(&self, id: &NodeIdOf<C>) -> Result<Opened<C, SM>, ClusterError<C>> {
        let factory = self.network.factory(id.clone());
        self.open.open_node(id.clone(), self.config.clone(), factory).await
    }

    /// Bootstraps a node, and connects it to the network.
    async fn let_in(&self, id: NodeIdOf<C>, raft: Raft<C, SM>, mode: BootstrapMode<C>) -> Result<(), ClusterError<C>> {
        if let Err(source) = bootstrap(&raft, mode).await {
            return Err(ClusterError::Bootstrap { id, source });
        }
        let connected = self.network.connect(id.clone(), raft).await;
        connected.map_err(|source| ClusterError::Connect { id, source })
    }

    /// Marks a running node as down, and returns its `Raft` and state machine. Returns
    /// [`ClusterError::NotRunning`] if the node does not run.
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

    pub(super) async fn shut_down_all(&self) {
        let running = self.running();
        for raft in running.iter().filter_map(|id| self.get(id)) {
            raft.runtime_config().elect(false);
        }
        for id in running {
            // Ignore the error: it means that another task has stopped the node.
            let _ = self.stop(id).await;
        }
    }
}

/// Returns whether a node had a vote or a log. If so, it must find this state again when it restarts.
fn has_state<C: RaftTypes>(metrics: &RaftMetrics<C>) -> bool {
    metrics.last_log_index.is_some() || metrics.vote != RaftMetrics::<C>::new_initial(metrics.id.clone()).vote
}
