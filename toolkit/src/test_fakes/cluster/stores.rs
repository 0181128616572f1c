use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use openraft::alias::NodeIdOf;
use openraft::base::BoxFuture;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::{Config, OptionalSend, OptionalSync, Raft};

use super::{ClusterError, ClusterNetwork};
use crate::RaftTypes;

/// Opens the stores of a node: a closure from its id to a future of its log store and its state machine, as
/// [`Cluster::builder`](super::Cluster::builder) takes it.
///
/// It is called when a node starts and each time that it starts again, and is what makes it the same node again:
/// for one id it opens the same data. A store in memory is therefore kept outside of the closure, which hands out
/// handles of it; one that is made anew in each call has lost its disk, and is refused.
///
/// A store of an earlier life of the node may still be closing its files, so that a restart repeats the call for
/// some seconds where it fails.
///
/// # Examples
///
/// Stores in memory, which outlive the nodes, of a log store `LS` whose clones are handles of the same log:
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
    /// The state machine. A clone is another handle on the same state, for the test to look at.
    type StateMachine: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone;

    /// Opens the stores of node `id`.
    ///
    /// # Errors
    ///
    /// Whatever keeps the node from starting.
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

/// Opens a node, without a word about the type of its log store.
pub(super) trait OpenNode<C: RaftTypes, SM: RaftStateMachine<C>, Factory>: OptionalSend + OptionalSync {
    fn open_node(
        &self,
        id: NodeIdOf<C>,
        config: Arc<Config>,
        factory: Factory,
    ) -> BoxFuture<'static, Result<Opened<C, SM>, ClusterError<C>>>;
}

/// A node that was opened, and the handle on its state.
pub(super) type Opened<C, SM> = (Raft<C, SM>, SM);

/// The stores of nodes on network `N`.
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
