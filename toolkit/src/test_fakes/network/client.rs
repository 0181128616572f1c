//! openraft's network traits, for the sending side of the network.

use std::future::Future;
use std::sync::Arc;

use openraft::alias::{NodeIdOf, NodeOf, SnapshotOf, VoteOf};
use openraft::async_runtime::Select2;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use super::counts::RpcKind;
use super::handler::RpcHandler;
use super::mem_network::MemNetwork;
use super::process::Process;
use super::route::Route;
use crate::RaftTypes;

/// Makes the clients with which one node calls other nodes through a [`MemNetwork`]. [`MemNetwork::factory_for`]
/// returns it.
pub struct MemNetworkFactory<C: RaftTypes> {
    from: NodeIdOf<C>,
    process: Process,
    network: Arc<MemNetwork<C>>,
}

impl<C: RaftTypes> MemNetwork<C> {
    /// Returns the network factory of node `id`, which is the `network` argument of `Raft::new`.
    pub fn factory_for(self: &Arc<Self>, id: NodeIdOf<C>) -> MemNetworkFactory<C> {
        MemNetworkFactory {
            process: self.process(&id),
            from: id,
            network: self.clone(),
        }
    }
}

impl<C: RaftTypes> RaftNetworkFactory<C> for MemNetworkFactory<C> {
    type Network = MemNetworkClient<C>;

    async fn new_client(&mut self, target: NodeIdOf<C>, _node: &NodeOf<C>) -> Self::Network {
        MemNetworkClient {
            route: Route {
                from: self.from.clone(),
                process: self.process.clone(),
                to: target,
                network: self.network.clone(),
            },
        }
    }
}

/// The client with which one node calls one other node through a [`MemNetwork`].
pub struct MemNetworkClient<C: RaftTypes> {
    route: Route<C>,
}

impl<C: RaftTypes> RaftNetworkV2<C> for MemNetworkClient<C> {
    type SnapshotData = C::SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.append_entries(rpc);
        self.route.call(RpcKind::AppendEntries, rpc, option, handle).await
    }

    async fn vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.vote(rpc);
        self.route.call(RpcKind::Vote, rpc, option, handle).await
    }

    async fn pre_vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, rpc| node.pre_vote(rpc);
        self.route.call(RpcKind::PreVote, rpc, option, handle).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, C::SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let sent = self.route.send_snapshot(vote, snapshot, option);
        match C::select2(cancel, sent).await {
            Select2::First(closed) => Err(closed.into()),
            Select2::Second(response) => Ok(response?),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RPCError<C>> {
        let handle = |node: &dyn RpcHandler<C>, req| node.transfer_leader(req);
        self.route.call(RpcKind::TransferLeader, req, option, handle).await
    }
}
