//! The sending side of raft's network: every RPC is one `POST`.

use std::time::Duration;

use openraft_toolkit::openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft_toolkit::openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft_toolkit::openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft_toolkit::openraft::{BasicNode, OptionalSend};
use openraft_toolkit::{WireMessage, WriteVersion};

use crate::rpc::{Append, InstallSnapshot, PreVote, RequestVote, Rpc, TransferLeader};
use crate::types::{NodeId, Snapshot, TypeConfig, Vote};

/// The shortest timeout of an append. openraft's own timeout is one heartbeat interval, which a busy disk can exceed. A
/// leader that gives up so early only sends the same entries again.
const APPEND_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Network {
    http: reqwest::Client,
    cluster: String,
    level: WriteVersion,
}

impl Network {
    /// Creates a network that writes its messages at `level`.
    pub fn new(cluster: String, level: WriteVersion) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(500))
            .build()?;
        Ok(Self { http, cluster, level })
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeId, node: &BasicNode) -> Peer {
        // The URL names the receiver. If another node now has this address, that node refuses the message.
        let url = format!("http://{}/raft/{}/{target}", node.addr, self.cluster);
        Peer {
            http: self.http.clone(),
            url,
            level: self.level.clone(),
        }
    }
}

pub struct Peer {
    http: reqwest::Client,
    url: String,
    level: WriteVersion,
}

impl Peer {
    async fn call<R: Rpc>(&self, rpc: R, timeout: Duration) -> Result<R::Reply, RPCError<TypeConfig>> {
        let request = self.level.encode(&rpc).map_err(|e| NetworkError::new(&e))?;
        let exchange = async {
            let url = format!("{}{}", self.url, R::PATH);
            let response = self.http.post(url).timeout(timeout).body(request).send().await?;
            response.error_for_status()?.bytes().await
        };
        // `Unreachable` makes openraft back off: an immediate retry won't help against any of these errors.
        // reqwest's message lacks the cause, and the alternate form of anyhow adds it.
        let reply = exchange
            .await
            .map_err(|e| Unreachable::from_string(format!("{:#}", anyhow::Error::from(e))))?;
        Ok(R::Reply::decode(&reply).map_err(|e| NetworkError::new(&e))?)
    }
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(Append(rpc), option.hard_ttl().max(APPEND_TIMEOUT)).await?.0)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(RequestVote(rpc), option.soft_ttl()).await?.0)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(PreVote(rpc), option.soft_ttl()).await?.0)
    }

    async fn full_snapshot(
        &mut self,
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
            reply = self.call(rpc, option.soft_ttl()) => Ok(reply?.0),
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        Ok(self.call(TransferLeader(rpc), option.soft_ttl()).await?.0)
    }
}
