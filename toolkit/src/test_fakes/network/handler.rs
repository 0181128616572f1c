//! Calls a `Raft`, whatever its state machine type.

use std::error::Error;

use openraft::alias::{SnapshotOf, VoteOf};
use openraft::base::BoxFuture;
use openraft::errors::Unreachable;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::storage::RaftStateMachine;
use openraft::{OptionalSend, OptionalSync, Raft};

use crate::RaftTypes;

/// A future of the answer of a node, or of an error if the node has stopped.
pub(super) type Handling<C, T> = BoxFuture<'static, Result<T, Unreachable<C>>>;

/// The receiving side of [`RaftNetworkV2`](openraft::RaftNetworkV2), without the type of the state machine.
pub(super) trait RpcHandler<C: RaftTypes>: OptionalSend + OptionalSync {
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

/// Converts the error of a `Raft` to `Unreachable`. A `Raft` fails an RPC only after it has stopped, and its peers then
/// see a dead process.
fn stopped<C: RaftTypes>(fatal: impl Error + 'static) -> Unreachable<C> {
    Unreachable::new(&fatal)
}
