//! The settings of a [`Cluster`], and its start.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::{Config, OptionalSend, OptionalSync, SnapshotPolicy};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use super::nodes::Cluster;
use super::stores::{NodesOn, OpenStores};
use crate::RaftTypes;
use crate::test_fakes::network::MemNetwork;

/// How long a wait may last by default. The time may be long, because only a failing test waits that long.
const DEADLINE: Duration = Duration::from_secs(30);

impl<C, SM> Cluster<C, SM>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
{
    /// Returns the builder of a cluster on the stores that `open` opens; see [`OpenStores`].
    ///
    /// # Examples
    ///
    /// Each node has its own directory with a RocksDB:
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

/// The settings of a [`Cluster`]. [`Cluster::builder`] returns this builder, and [`start`](Self::start) consumes it.
#[must_use = "nothing runs before `start` is called"]
pub struct ClusterBuilder<C: RaftTypes, O, N = Arc<MemNetwork<C>>> {
    stores: O,
    network: N,
    members: BTreeMap<NodeIdOf<C>, NodeOf<C>>,
    config: Config,
    deadline: Duration,
}

impl<C: RaftTypes, O: OpenStores<C>> ClusterBuilder<C, O> {
    pub(super) fn new(stores: O) -> Self {
        Self {
            stores,
            network: MemNetwork::new(),
            members: BTreeMap::new(),
            config: Config {
                cluster_name: "test".to_owned(),
                heartbeat_interval: 50,
                election_timeout_min: 300,
                election_timeout_max: 600,
                install_snapshot_timeout: 5_000,
                backoff: "20ms".to_owned(),
                snapshot_policy: SnapshotPolicy::Never,
                max_in_snapshot_log_to_keep: 0,
                ..Config::default()
            },
            deadline: DEADLINE,
        }
    }
}

impl<C: RaftTypes, O: OpenStores<C>, N: ClusterNetwork<C>> ClusterBuilder<C, O, N> {
    /// Sets the first voters, each with the default value of the node type. [`MemNetwork`] ignores this value.
    pub fn nodes(self, ids: impl IntoIterator<Item = NodeIdOf<C>>) -> Self
    where
        NodeOf<C>: Default,
    {
        self.members(ids.into_iter().map(|id| (id, NodeOf::<C>::default())))
    }

    /// Sets the first voters, each with its node value, from which the network can read how to reach the node.
    pub fn members(self, members: impl IntoIterator<Item = (NodeIdOf<C>, NodeOf<C>)>) -> Self {
        let members = members.into_iter().collect();
        Self { members, ..self }
    }

    /// Sets the config of all nodes.
    ///
    /// The default is made for tests. A leader sends heartbeats every 50 ms. A voter starts an election when it has not
    /// heard from its leader for 900 to 1,200 ms. This is the lease of the leader, which is
    /// [`election_timeout_max`](Config::election_timeout_max) (600 ms), and a random time of 300 to 600 ms. A voter
    /// that has not heard from a leader since it started waits only the random time. A voter that was refused a vote
    /// because its log is behind waits another 1,200 ms.
    ///
    /// Nodes build snapshots only when a test triggers them, and can then purge all entries that the snapshot covers.
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Sets how long a wait may take, by the clock of the runtime. The default is 30 seconds.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets the network. The default is a [`MemNetwork`] of seed 0.
    pub fn network<Net: ClusterNetwork<C>>(self, network: Net) -> ClusterBuilder<C, O, Net> {
        ClusterBuilder {
            stores: self.stores,
            network,
            members: self.members,
            config: self.config,
            deadline: self.deadline,
        }
    }

    /// Opens the stores of all nodes, and bootstraps and connects the nodes.
    ///
    /// If all stores are blank, the node with the smallest id is bootstrapped with
    /// [`Fresh`](crate::lifecycle::BootstrapMode::Fresh), and the others with
    /// [`Join`](crate::lifecycle::BootstrapMode::Join). If any store has the state of an earlier cluster, all nodes are
    /// bootstrapped with `Join`: nodes with state resume that cluster, and blank nodes wait for its leader. The call
    /// does not wait for a leader.
    ///
    /// # Errors
    ///
    /// A [`ClusterError`] if the settings are not valid or a node does not start. Nodes that did start are shut down
    /// again.
    pub async fn start(self) -> Result<Cluster<C, O::StateMachine, N>, ClusterError<C>> {
        if self.members.is_empty() {
            return Err(ClusterError::NoNodes);
        }
        let config = self.config.validate();
        let config = Arc::new(config.map_err(|source| ClusterError::Config { source })?);
        let nodes = NodesOn {
            stores: self.stores,
            network: PhantomData::<fn(N)>,
        };
        let cluster = Cluster::new(Box::new(nodes), self.network, config, self.deadline);
        match cluster.form(self.members).await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.shut_down_all().await;
                Err(error)
            }
        }
    }
}
