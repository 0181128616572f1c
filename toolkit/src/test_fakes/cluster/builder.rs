use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::{Config, SnapshotPolicy};

use super::stores::NodesOn;
use super::{Cluster, ClusterError, ClusterNetwork, OpenStores};
use crate::RaftTypes;
use crate::test_fakes::MemNetwork;

/// How long a wait lasts unless a test says otherwise. It is long, because only a failing test waits for its end.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a [`Cluster`] is made of: [`Cluster::builder`], then what varies, then [`start`](Self::start).
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
    /// The first voters. How they are reached is their `Default`, as [`MemNetwork`] never asks.
    pub fn nodes(self, ids: impl IntoIterator<Item = NodeIdOf<C>>) -> Self
    where
        NodeOf<C>: Default,
    {
        self.members(ids.into_iter().map(|id| (id, NodeOf::<C>::default())))
    }

    /// The first voters, and how each is reached.
    pub fn members(self, members: impl IntoIterator<Item = (NodeIdOf<C>, NodeOf<C>)>) -> Self {
        let members = members.into_iter().collect();
        Self { members, ..self }
    }

    /// The config of all nodes, in the place of one for tests: heartbeats every 50 ms, elections after 300 to
    /// 600 ms, snapshots only when they are asked for, and no entries kept behind them.
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// How long a wait may take, by the clock of the runtime, in the place of 30 seconds.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The network, in the place of a [`MemNetwork`] of seed 0.
    pub fn network<Net: ClusterNetwork<C>>(self, network: Net) -> ClusterBuilder<C, O, Net> {
        ClusterBuilder {
            stores: self.stores,
            network,
            members: self.members,
            config: self.config,
            deadline: self.deadline,
        }
    }

    /// Opens the stores of all nodes, bootstraps them and connects them.
    ///
    /// On blank stores the first node is bootstrapped as [`Fresh`](crate::lifecycle::BootstrapMode::Fresh), and
    /// the others with [`Join`](crate::lifecycle::BootstrapMode::Join). Where a store has state of an earlier
    /// cluster, all of them resume it. It does not wait for a leader.
    ///
    /// # Errors
    ///
    /// Where a node does not start. Those that did are shut down again.
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
