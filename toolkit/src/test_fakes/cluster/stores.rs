//! Opens the stores and the `Raft` of a node.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use openraft::alias::NodeIdOf;
use openraft::base::BoxFuture;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::{Config, OptionalSend, OptionalSync, Raft};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use crate::RaftTypes;

/// Opens the log store and the state machine of a node.
///
/// A closure that takes a node's id and returns a future of the two stores implements this trait.
/// [`Cluster::builder`](super::Cluster::builder) takes such a closure.
///
/// The closure is called each time that a node starts, and must open the same data for the same id. So keep a store in
/// memory outside of the closure, and let the closure return handles on it. If the closure makes a new store in each
/// call, a node that had state finds blank storage at its restart and does not start.
///
/// When a node restarts, its earlier store may still be closing its files. So if the closure fails at a restart, the
/// cluster calls it again for up to 10 seconds, or up to the cluster's [`deadline`](super::ClusterBuilder::deadline) if
/// that is shorter.
///
/// # Examples
///
/// Keeps log stores in memory, so that they outlive their nodes. A clone of `LS` is another handle on the same log:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::io;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Clone)]
/// struct Disks<LS>(Arc<Mutex<BTreeMap<u64, LS>>>);
///
/// impl<LS: Clone + Default> Disks<LS> {
///     /// For `Cluster::builder(move |id| disks.clone().open(id))`.
///     async fn open<SM: Default>(self, id: u64) -> io::Result<(LS, SM)> {
///         let log = self.0.lock().unwrap().entry(id).or_default().clone();
///         Ok((log, SM::default()))
///     }
/// }
/// ```
pub trait OpenStores<C: RaftTypes>: OptionalSend + OptionalSync + 'static {
    /// The log store.
    type LogStore: RaftLogStorage<C>;
    /// The state machine. A clone must be another handle on the same state, which the test reads.
    type StateMachine: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone;

    /// Opens the stores of node `id`.
    ///
    /// # Errors
    ///
    /// Any reason why the stores cannot be opened.
    fn open(
        &self,
        id: NodeIdOf<C>,
    ) -> impl Future<Output = io::Result<(Self::LogStore, Self::StateMachine)>> + OptionalSend + 'static;
}

impl<C, LS, SM, F, Fut> OpenStores<C> for F
where
    C: RaftTypes,
    LS: RaftLogStorage<C>,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    F: Fn(NodeIdOf<C>) -> Fut + OptionalSend + OptionalSync + 'static,
    Fut: Future<Output = io::Result<(LS, SM)>> + OptionalSend + 'static,
{
    type LogStore = LS;
    type StateMachine = SM;

    fn open(&self, id: NodeIdOf<C>) -> impl Future<Output = io::Result<(LS, SM)>> + OptionalSend + 'static {
        self(id)
    }
}

/// Opens a node. This trait hides the type of the log store from [`Cluster`](super::Cluster).
pub(super) trait OpenNode<C: RaftTypes, SM: RaftStateMachine<C>, Factory>: OptionalSend + OptionalSync {
    fn open_node(
        &self,
        id: NodeIdOf<C>,
        config: Arc<Config>,
        factory: Factory,
    ) -> BoxFuture<'static, Result<Opened<C, SM>, ClusterError<C>>>;
}

/// The `Raft` of a node that was opened, and a handle on its state machine.
pub(super) type Opened<C, SM> = (Raft<C, SM>, SM);

/// Opens nodes on the stores `O` and on a network `N`.
pub(super) struct NodesOn<O, N> {
    pub(super) stores: O,
    pub(super) network: PhantomData<fn(N)>,
}

impl<C, O, N> OpenNode<C, O::StateMachine, N::Factory> for NodesOn<O, N>
where
    C: RaftTypes,
    O: OpenStores<C>,
    N: ClusterNetwork<C>,
{
    fn open_node(
        &self,
        id: NodeIdOf<C>,
        config: Arc<Config>,
        factory: N::Factory,
    ) -> BoxFuture<'static, Result<Opened<C, O::StateMachine>, ClusterError<C>>> {
        let stores = self.stores.open(id.clone());
        Box::pin(async move {
            let (log_store, state_machine) = match stores.await {
                Ok(stores) => stores,
                Err(source) => return Err(ClusterError::Open { id, source }),
            };
            match Raft::new(id.clone(), config, factory, log_store, state_machine.clone()).await {
                Ok(raft) => Ok((raft, state_machine)),
                Err(source) => Err(ClusterError::Fatal { id, source }),
            }
        })
    }
}
