//! The messages on a connection: requests to the groups of a node, and their replies.
//!
//! Raft's own messages are the same as in [`kv`](../kv/rpc.rs).

use std::collections::{BTreeMap, BTreeSet};

use openraft_toolkit::WireMessage;
use openraft_toolkit::openraft::BasicNode;
use serde::{Deserialize, Serialize};

pub use crate::raft_rpc::*;
use crate::stats::Stats;
use crate::types::{GroupId, NodeId};

/// A request to a node. On the connection, each message comes after its length.
#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Request {
    pub id: u64,
    /// The node that the request is for. Another node may have come up on the address.
    pub to: NodeId,
    pub group: GroupId,
    /// The kind of the request in `body`: its [`Rpc::PATH`].
    pub path: String,
    pub body: Vec<u8>,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Reply {
    /// The id of the request.
    pub id: u64,
    /// The encoded reply, or an error as a text for people.
    pub body: Result<Vec<u8>, String>,
}

/// Declares requests, each with its reply and its path.
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
    /// Asks a node whether it is up. The group does not matter.
    Ping {} => Pong, "/ping";
    /// Adds one to the counter, if it is at `from`.
    Write { from: u64 } => Written, "/write";
    /// Makes the node host the group. With `founders`, the node founds the group with these members, all of which
    /// must already host it. Without, it waits for the group's leader.
    Host { founders: Option<BTreeMap<NodeId, BasicNode>> } => Done, "/host";
    /// Removes everything that the node stores of the group.
    Remove {} => Done, "/remove";
    /// Asks the leader to hand over to node `to`.
    HandOver { to: NodeId } => Done, "/hand-over";
    /// Asks the leader to add a learner, and waits until it has caught up.
    AddLearner { id: NodeId, node: BasicNode } => Done, "/add-learner";
    /// Asks the leader to change the voters. A voter that is not in the list leaves the group.
    SetVoters { voters: BTreeSet<NodeId> } => Done, "/set-voters";
    /// Asks how the node sees the group.
    Look {} => GroupView, "/look";
    /// Asks for all groups of the node.
    List {} => Groups, "/list";
    /// Asks what the node's process has used.
    GetStats {} => Stats, "/stats";
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Pong {
    /// A number that differs at each start of the process.
    pub incarnation: u64,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub enum Written {
    /// The write is done, and this is the new value of the counter.
    At(u64),
    /// Nothing was written. The node that was asked takes this node for the leader, if it knows one.
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
    /// `None` during an election. A node names itself only if it leads.
    pub leader: Option<NodeId>,
    /// The counter as this replica has applied it, which may be old.
    pub count: u64,
    /// Whether the timers of the group are stopped on this node.
    pub asleep: bool,
}
