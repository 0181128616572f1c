//! The interface of the network between the nodes of a cluster.

use std::future::{Future, ready};
use std::io;
use std::sync::Arc;

use openraft::alias::NodeIdOf;
use openraft::network::NetSnapshot;
use openraft::storage::RaftStateMachine;
use openraft::{OptionalSend, OptionalSync, Raft, RaftNetworkFactory};

use crate::RaftTypes;
use crate::test_fakes::network::{MemNetwork, MemNetworkFactory};

/// A network that a [`Cluster`](super::Cluster) runs on: [`MemNetwork`], or your own network.
///
/// # Examples
///
/// A network that logs when nodes come and go:
///
/// ```
/// use std::io;
/// use std::sync::Arc;
///
/// use openraft_toolkit::RaftTypes;
/// use openraft_toolkit::openraft::Raft;
/// use openraft_toolkit::openraft::storage::RaftStateMachine;
/// use openraft_toolkit::test_fakes::{ClusterNetwork, MemNetwork, MemNetworkFactory};
///
/// struct Logged<C: RaftTypes>(Arc<MemNetwork<C>>);
///
/// impl<C: RaftTypes> ClusterNetwork<C> for Logged<C> {
///     type Factory = MemNetworkFactory<C>;
///
///     fn factory(&self, id: C::NodeId) -> Self::Factory {
///         self.0.factory(id)
///     }
///
///     async fn connect<SM>(&self, id: C::NodeId, raft: Raft<C, SM>) -> io::Result<()>
///     where
///         SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
///     {
///         println!("node {id} is up");
///         self.0.connect(id, raft).await
///     }
///
///     fn disconnect(&self, id: C::NodeId) {
///         println!("node {id} is down");
///         self.0.disconnect(id);
///     }
/// }
/// ```
pub trait ClusterNetwork<C: RaftTypes>: OptionalSend + OptionalSync + 'static {
    /// The factory of the clients with which a node calls other nodes.
    type Factory: RaftNetworkFactory<C, Network: NetSnapshot<C, SnapshotData = C::SnapshotData>>;

    /// Returns the factory of the clients of node `id`. The node is about to start.
    fn factory(&self, id: NodeIdOf<C>) -> Self::Factory;

    /// Makes node `id` reachable. The node has been bootstrapped.
    ///
    /// # Errors
    ///
    /// Any reason why the node cannot be made reachable, such as a port that is in use. The node is then shut down.
    fn connect<SM>(&self, id: NodeIdOf<C>, raft: Raft<C, SM>) -> impl Future<Output = io::Result<()>> + OptionalSend
    where
        SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>;

    /// Disconnects node `id` at once. No node reaches it any more, everything that it still sends is lost, and the
    /// network drops its handle of the node's `Raft`.
    fn disconnect(&self, id: NodeIdOf<C>);

    /// Returns the state of the network, such as its faults and counts. The error of a failed wait shows it.
    fn report(&self) -> String {
        String::new()
    }

    /// Returns a failure of the network with which no test should pass, or `None`. As long as there is a failure, every
    /// wait and [`Cluster::shutdown`](super::Cluster::shutdown) fail with it.
    fn failure(&self) -> Option<String> {
        None
    }
}

impl<C: RaftTypes> ClusterNetwork<C> for Arc<MemNetwork<C>> {
    type Factory = MemNetworkFactory<C>;

    fn factory(&self, id: NodeIdOf<C>) -> Self::Factory {
        self.factory_for(id)
    }

    fn connect<SM>(&self, id: NodeIdOf<C>, raft: Raft<C, SM>) -> impl Future<Output = io::Result<()>> + OptionalSend
    where
        SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    {
        self.register(id, raft);
        ready(Ok(()))
    }

    fn disconnect(&self, id: NodeIdOf<C>) {
        self.crash(id);
    }

    fn report(&self) -> String {
        MemNetwork::report(self)
    }

    fn failure(&self) -> Option<String> {
        let failures = self.codec_failures();
        let first = failures.first()?;
        Some(format!(
            "{} messages did not survive encoding, of which the first is {first}\n\
             help: what the nodes send each other must be the same after `encode` and `decode`",
            failures.len()
        ))
    }
}
