use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::alias::{NodeIdOf, NodeOf, SnapshotOf, VoteOf};
use openraft::async_runtime::Select2;
use openraft::base::BoxFuture;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, OptionalSync, RPCTypes, Raft, RaftNetworkFactory, RaftNetworkV2};

use super::PartitionController;
use crate::RaftTypes;

/// A network of nodes in one process: RPCs are delivered by calling the target's `Raft`.
///
/// Every RPC of [`RaftNetworkV2`] is delivered: append entries, vote, pre-vote, full snapshot and
/// transfer leader. It fails as [`Unreachable`] at once where the target is not registered or has
/// stopped, where the [partitions](Self::partitions) do not let the request through, or where they
/// do not let the answer back, when the request has taken effect. It fails as [`Timeout`] where the
/// target takes longer than openraft allows.
///
/// A registered node runs until it is shut down, as a process would: dropping its `Raft` handles is
/// not enough. A node that is shut down lets go of the network.
///
/// # Examples
///
/// See the [module](super).
pub struct MemNetwork<C: RaftTypes> {
    nodes: Mutex<BTreeMap<NodeIdOf<C>, Arc<dyn RpcHandler<C>>>>,
    partitions: Arc<PartitionController<NodeIdOf<C>>>,
}

impl<C: RaftTypes> MemNetwork<C> {
    /// A network without nodes and without faults.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            nodes: Mutex::new(BTreeMap::new()),
            partitions: Arc::new(PartitionController::new()),
        })
    }

    /// The end of the network that node `id` sends from: the `network` argument of its `Raft::new`.
    pub fn factory_for(self: &Arc<Self>, id: NodeIdOf<C>) -> MemNetworkFactory<C> {
        MemNetworkFactory {
            from: id,
            network: self.clone(),
        }
    }

    /// Makes node `id` reachable, in the place of an earlier `raft` of that id.
    ///
    /// Register a node after [`bootstrap`](crate::lifecycle::bootstrap), as a server would.
    pub fn register<SM>(&self, id: NodeIdOf<C>, raft: Raft<C, SM>)
    where
        SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
    {
        self.nodes().insert(id, Arc::new(raft));
    }

    /// Makes node `id` unreachable, as if its process was gone. The node itself keeps running.
    pub fn unregister(&self, id: NodeIdOf<C>) {
        self.nodes().remove(&id);
    }

    /// The faults of this network.
    pub fn partitions(&self) -> Arc<PartitionController<NodeIdOf<C>>> {
        self.partitions.clone()
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeIdOf<C>, Arc<dyn RpcHandler<C>>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one node sends from. [`MemNetwork::factory_for`] makes it.
pub struct MemNetworkFactory<C: RaftTypes> {
    from: NodeIdOf<C>,
    network: Arc<MemNetwork<C>>,
}

impl<C: RaftTypes> RaftNetworkFactory<C> for MemNetworkFactory<C> {
    type Network = MemNetworkClient<C>;

    async fn new_client(&mut self, target: NodeIdOf<C>, _node: &NodeOf<C>) -> Self::Network {
        MemNetworkClient {
            from: self.from.clone(),
            to: target,
            network: self.network.clone(),
        }
    }
}

/// What one node sends to one other through a [`MemNetwork`].
pub struct MemNetworkClient<C: RaftTypes> {
    from: NodeIdOf<C>,
    to: NodeIdOf<C>,
    network: Arc<MemNetwork<C>>,
}

impl<C: RaftTypes> MemNetworkClient<C> {
    /// The way of every RPC: to the target, through its handler, and back.
    async fn call<T: OptionalSend>(
        &self,
        action: RPCTypes,
        option: RPCOption,
        handle: impl FnOnce(&dyn RpcHandler<C>) -> Handling<C, T> + OptionalSend,
    ) -> Result<T, RPCError<C>> {
        let (from, to) = (&self.from, &self.to);

        if !self.network.partitions.is_reachable(from.clone(), to.clone()) {
            return Err(Unreachable::from_string(format!("partition: {from} does not reach {to}")).into());
        }
        let Some(target) = self.network.nodes().get(to).cloned() else {
            return Err(Unreachable::from_string(format!("node {to} is not registered")).into());
        };

        // The time that openraft gives a network to fail by itself, before `hard_ttl` is over.
        let timeout = option.soft_ttl();
        let response = match C::timeout(timeout, handle(&*target)).await {
            Ok(response) => response?,
            Err(_) => {
                return Err(RPCError::Timeout(Timeout {
                    action,
                    id: from.clone(),
                    target: to.clone(),
                    timeout,
                }));
            }
        };

        if !self.network.partitions.is_reachable(to.clone(), from.clone()) {
            return Err(
                Unreachable::from_string(format!("partition: the answer of {to} does not reach {from}")).into(),
            );
        }
        Ok(response)
    }
}

impl<C: RaftTypes> RaftNetworkV2<C> for MemNetworkClient<C> {
    type SnapshotData = C::SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RPCError<C>> {
        self.call(RPCTypes::AppendEntries, option, |node| node.append_entries(rpc))
            .await
    }

    async fn vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        self.call(RPCTypes::Vote, option, |node| node.vote(rpc)).await
    }

    async fn pre_vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        self.call(RPCTypes::Vote, option, |node| node.pre_vote(rpc)).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let install = self.call(RPCTypes::InstallSnapshot, option, |node| {
            node.install_full_snapshot(vote, snapshot)
        });
        match C::select2(cancel, install).await {
            Select2::First(closed) => Err(closed.into()),
            Select2::Second(response) => Ok(response?),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RPCError<C>> {
        self.call(RPCTypes::TransferLeader, option, |node| node.transfer_leader(req))
            .await
    }
}

type Handling<C, T> = BoxFuture<'static, Result<T, Unreachable<C>>>;

/// The receiving side of [`RaftNetworkV2`]: a `Raft` of any state machine.
trait RpcHandler<C: RaftTypes>: OptionalSend + OptionalSync {
    fn append_entries(&self, rpc: AppendEntriesRequest<C>) -> Handling<C, AppendEntriesResponse<C>>;
    fn vote(&self, rpc: VoteRequest<C>) -> Handling<C, VoteResponse<C>>;
    fn pre_vote(&self, rpc: VoteRequest<C>) -> Handling<C, VoteResponse<C>>;
    fn install_full_snapshot(
        &self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
    ) -> Handling<C, SnapshotResponse<C>>;
    fn transfer_leader(&self, req: TransferLeaderRequest<C>) -> Handling<C, TransferLeaderResponse<C>>;
}

impl<C, SM> RpcHandler<C> for Raft<C, SM>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData>,
{
    fn append_entries(&self, rpc: AppendEntriesRequest<C>) -> Handling<C, AppendEntriesResponse<C>> {
        let raft = self.clone();
        Box::pin(async move { Raft::append_entries(&raft, rpc).await.map_err(stopped) })
    }

    fn vote(&self, rpc: VoteRequest<C>) -> Handling<C, VoteResponse<C>> {
        let raft = self.clone();
        Box::pin(async move { Raft::vote(&raft, rpc).await.map_err(stopped) })
    }

    fn pre_vote(&self, rpc: VoteRequest<C>) -> Handling<C, VoteResponse<C>> {
        let raft = self.clone();
        Box::pin(async move { Raft::pre_vote(&raft, rpc).await.map_err(stopped) })
    }

    fn install_full_snapshot(
        &self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
    ) -> Handling<C, SnapshotResponse<C>> {
        let raft = self.clone();
        Box::pin(async move {
            Raft::install_full_snapshot(&raft, vote, snapshot)
                .await
                .map_err(stopped)
        })
    }

    fn transfer_leader(&self, req: TransferLeaderRequest<C>) -> Handling<C, TransferLeaderResponse<C>> {
        let raft = self.clone();
        Box::pin(async move { raft.handle_transfer_leader(req).await.map_err(stopped) })
    }
}

/// A `Raft` fails an RPC only when it has stopped, which looks to its peers like a dead process.
fn stopped<C: RaftTypes>(fatal: impl Error + 'static) -> Unreachable<C> {
    Unreachable::new(&fatal)
}
