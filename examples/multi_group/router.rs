//! The connections of a node to the other nodes. All groups share them, through `openraft-multi`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft_multi::{GroupNetworkAdapter, GroupNetworkFactory, GroupRouter};
use openraft_toolkit::openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft_toolkit::openraft::network::{RPCOption, RaftNetworkFactory};
use openraft_toolkit::openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft_toolkit::openraft::{BasicNode, OptionalSend};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::liveness::Liveness;
use crate::rpc::{Append, InstallSnapshot, PreVote, RequestVote, Rpc, TransferLeader};
use crate::types::{GroupId, NodeId, Snapshot, TypeConfig, Vote};

/// The shortest timeout of an append. openraft's own timeout is one heartbeat interval, which a busy disk can exceed. A
/// leader that gives up so early only sends the same entries again.
const APPEND_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Router {
    connections: Arc<Mutex<HashMap<NodeId, Connection>>>,
    liveness: Liveness,
}

impl Router {
    pub fn new(liveness: Liveness) -> Self {
        Self {
            connections: Arc::default(),
            liveness,
        }
    }

    /// Returns the network factory for the `Raft` of a group.
    pub fn of_group(&self, group: GroupId) -> GroupNetworkFactory<Self, GroupId> {
        GroupNetworkFactory::new(self.clone(), group)
    }

    /// Connects to a node, unless this node is already connected to it. The address of a node never changes.
    fn connect(&self, to: NodeId, node: &BasicNode) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.entry(to).or_insert_with(|| {
            let connection = Connection::open(to, node.addr.clone());
            self.liveness.watch(to, connection.clone());
            connection
        });
    }

    async fn call<R: Rpc>(
        &self,
        to: NodeId,
        group: GroupId,
        rpc: R,
        patience: Duration,
    ) -> Result<R::Reply, RPCError<TypeConfig>> {
        let connection = {
            let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            connections.get(&to).cloned()
        };
        // `Unreachable` makes openraft back off: an immediate retry won't help against any of these errors.
        let connection = connection.ok_or_else(|| Unreachable::from_string(format!("node {to} is not known")))?;
        match timeout(patience, connection.call(group, &rpc)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(Unreachable::from_string(format!("{error:#}")).into()),
            Err(_) => Err(Unreachable::from_string(format!("no answer within {patience:?}")).into()),
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for GroupNetworkFactory<Router, GroupId> {
    type Network = GroupNetworkAdapter<TypeConfig, GroupId, Router>;

    async fn new_client(&mut self, target: NodeId, node: &BasicNode) -> Self::Network {
        self.factory.connect(target, node);
        GroupNetworkAdapter::new(self.factory.clone(), target, self.group_id)
    }
}

impl GroupRouter<TypeConfig, GroupId> for Router {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &self,
        target: NodeId,
        group: GroupId,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let patience = option.hard_ttl().max(APPEND_TIMEOUT);
        Ok(self.call(target, group, Append(rpc), patience).await?.0)
    }

    async fn vote(
        &self,
        target: NodeId,
        group: GroupId,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(target, group, RequestVote(rpc), option.soft_ttl()).await?.0)
    }

    async fn pre_vote(
        &self,
        target: NodeId,
        group: GroupId,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(target, group, PreVote(rpc), option.soft_ttl()).await?.0)
    }

    async fn full_snapshot(
        &self,
        target: NodeId,
        group: GroupId,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let rpc = InstallSnapshot {
            vote,
            meta: snapshot.meta,
            snapshot: snapshot.snapshot,
        };
        tokio::select! {
            closed = cancel => Err(closed.into()),
            reply = self.call(target, group, rpc, option.soft_ttl()) => Ok(reply?.0),
        }
    }

    async fn transfer_leader(
        &self,
        target: NodeId,
        group: GroupId,
        rpc: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self
            .call(target, group, TransferLeader(rpc), option.soft_ttl())
            .await?
            .0)
    }
}
