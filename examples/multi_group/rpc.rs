//! What goes over a connection: requests for groups of a node, and their replies.
//!
//! Raft's own messages are those of [`kv`](../kv/rpc.rs).

use std::collections::{BTreeMap, BTreeSet};

use openraft_toolkit::WireMessage;
use openraft_toolkit::openraft::BasicNode;
use serde::{Deserialize, Serialize};

pub use crate::raft_rpc::*;
use crate::stats::Stats;
use crate::types::{GroupId, NodeId};

/// One message of a connection, in a frame with its length before it.
#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Request {
    pub id: u64,
    /// Another node may have come up on the address.
    pub to: NodeId,
    pub group: GroupId,
    /// What `body` is: [`Rpc::PATH`].
    pub path: String,
    pub body: Vec<u8>,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Reply {
    /// That of the request.
    pub id: u64,
    /// An error is a text for people.
    pub body: Result<Vec<u8>, String>,
}

/// Declares a request, what answers it, and its path.
macro_rules! rpcs {
    ($($(#[$doc:meta])* $request:ident { $($field:ident: $type:ty),* } => $reply:ty, $path:literal;)*) => {$(
        $(#[$doc])*
        #[derive(WireMessage)]
        #[wire(version = 1)]
        pub struct $request { $(pub $field: $type),* }

        impl Rpc for $request {
            const PATH: &'static str = $path;
            type Reply = $reply;
        }
    )*};
}

rpcs! {
    /// Asks a node whether it is there; the group does not matter.
    Ping {} => Pong, "/ping";
    /// Adds one to the counter, if it is at `from`.
    Write { from: u64 } => Written, "/write";
    /// Makes the node host the group. It is told its members by their leader, or, where `founders` are given,
    /// founds the group with them, after those others host it.
    Host { founders: Option<BTreeMap<NodeId, BasicNode>> } => Done, "/host";
    /// Removes all that the node has of the group.
    Remove {} => Done, "/remove";
    /// Asks the leader to hand over.
    HandOver { to: NodeId } => Done, "/hand-over";
    /// Asks the leader to add a learner, and waits until it has caught up.
    AddLearner { id: NodeId, node: BasicNode } => Done, "/add-learner";
    /// Asks the leader to change the voters; those that are left out leave the group.
    SetVoters { voters: BTreeSet<NodeId> } => Done, "/set-voters";
    /// Asks how the node sees the group.
    Look {} => GroupView, "/look";
    /// Asks for all groups of the node.
    List {} => Groups, "/list";
    /// Asks what the node's process has used up.
    GetStats {} => Stats, "/stats";
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Pong {
    /// Another one after each start of the process.
    pub incarnation: u64,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub enum Written {
    /// It counts; the counter is at this now.
    At(u64),
    /// Not here: the leader is this node, as far as this one knows.
    NotLeader(Option<NodeId>),
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Done {}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Groups(pub BTreeMap<GroupId, GroupView>);

#[derive(Clone, Debug, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
pub struct GroupView {
    /// `None` during an election; this node itself only if it leads.
    pub leader: Option<NodeId>,
    /// What this replica has applied, however old.
    pub count: u64,
    /// Whether its timers stand still.
    pub asleep: bool,
}
