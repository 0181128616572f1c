//! The messages between nodes: openraft's own messages, each in a versioned frame.

use openraft_toolkit::WireMessage;
use openraft_toolkit::openraft::raft;

use crate::types::{SnapshotMeta, TypeConfig, Vote};

/// A request, with the path to which it is posted and the type of its reply.
pub trait Rpc: WireMessage {
    const PATH: &'static str;
    type Reply: WireMessage;
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Append(pub raft::AppendEntriesRequest<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct AppendReply(pub raft::AppendEntriesResponse<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct RequestVote(pub raft::VoteRequest<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct PreVote(pub raft::VoteRequest<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct VoteReply(pub raft::VoteResponse<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct InstallSnapshot {
    pub vote: Vote,
    pub meta: SnapshotMeta,
    pub snapshot: Vec<u8>,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct InstallSnapshotReply(pub raft::SnapshotResponse<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct TransferLeader(pub raft::TransferLeaderRequest<TypeConfig>);

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct TransferLeaderReply(pub raft::TransferLeaderResponse<TypeConfig>);

impl Rpc for Append {
    const PATH: &'static str = "/append";
    type Reply = AppendReply;
}

impl Rpc for RequestVote {
    const PATH: &'static str = "/vote";
    type Reply = VoteReply;
}

impl Rpc for PreVote {
    const PATH: &'static str = "/pre-vote";
    type Reply = VoteReply;
}

impl Rpc for InstallSnapshot {
    const PATH: &'static str = "/snapshot";
    type Reply = InstallSnapshotReply;
}

impl Rpc for TransferLeader {
    const PATH: &'static str = "/transfer-leader";
    type Reply = TransferLeaderReply;
}
