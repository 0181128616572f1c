//! Messages, clients that send them, and nodes that receive them.

use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::RaftTypes;
use openraft_toolkit::lifecycle::BootstrapMode;
use openraft_toolkit::openraft::RaftNetworkFactory;
use openraft_toolkit::openraft::alias::{SnapshotOf, VoteOf};
use openraft_toolkit::openraft::network::RPCOption;
use openraft_toolkit::openraft::raft::VoteRequest;
use openraft_toolkit::test_fakes::{MemNetwork, MemNetworkClient};
use openraft_toolkit_tests::node::{Host, Keys, Network, Node, Raft, address, config, fresh};
use openraft_toolkit_tests::types::TypeConfig;

use crate::test_fakes::stores::Disks;

pub type Snapshot = SnapshotOf<TypeConfig, <TypeConfig as RaftTypes>::SnapshotData>;

/// Returns options with a long deadline.
pub fn soon() -> RPCOption {
    RPCOption::new(Duration::from_secs(10))
}

/// Returns the request of node 1 for a vote in `term`.
pub fn vote_request(term: u64) -> VoteRequest<TypeConfig> {
    VoteRequest::new(VoteOf::<TypeConfig>::new(term, 1), None)
}

pub async fn client(network: &Network, from: u64, to: u64) -> MemNetworkClient<TypeConfig> {
    network.factory_for(from).new_client(to, &address(to)).await
}

/// Starts a blank node that waits for messages.
pub async fn receiver(network: &Network, id: u64) -> Node {
    let (node, _) = Host::new(id, Keys::Flat)
        .start(network, BootstrapMode::Join)
        .await
        .unwrap();
    node
}

/// Starts a node as [`receiver`] does, but on stores in memory, so that the node works with a paused clock.
pub async fn mem_receiver(network: &Network, id: u64) -> Raft {
    let (log, kv) = Disks::default().open(id).await.unwrap();
    let config = Arc::new(config().validate().unwrap());
    let raft = Raft::new(id, config, network.factory_for(id), log, kv).await.unwrap();
    network.register(id, raft.clone());
    raft
}

/// Returns the term of the last vote that `node` granted.
pub async fn voted_in(node: &Node) -> u64 {
    mem_voted_in(&node.raft).await
}

pub async fn mem_voted_in(raft: &Raft) -> u64 {
    raft.with_raft_state(|state| state.vote_ref().leader_id().term)
        .await
        .unwrap()
}

/// Returns the snapshot of a leader that has written.
pub async fn snapshot() -> Snapshot {
    let (leader, _) = Host::new(1, Keys::Flat)
        .start(&MemNetwork::new(), fresh([1]))
        .await
        .unwrap();
    leader.wait_to_lead().await;
    leader.set("k", "v").await;
    leader.raft.trigger().snapshot().await.unwrap();
    leader.wait("has a snapshot", |m| m.snapshot.is_some()).await;
    leader.raft.get_snapshot().await.unwrap().unwrap()
}
