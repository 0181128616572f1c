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

/// A request to a node.
#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Request {
    pub id: u64,
    /// The node that the request is for. By now, another node may have the address.
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
    /// The encoded reply, or an error message.
    pub body: Result<Vec<u8>, String>,
}

/// Declares request types, each with the type of its reply and its path.
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
    /// Asks a node whether it is up. The node ignores the group of this request.
    Ping {} => Pong, "/ping";
    /// Adds one to the counter, if it is at `from`.
    Write { from: u64 } => Written, "/write";
    /// Makes the node host the group. With `founders`, the node founds the group with these members, all of which must
    /// already host it. Without `founders`, the node waits for the group's leader.
    Host { founders: Option<BTreeMap<NodeId, BasicNode>> } => Done, "/host";
    /// Removes everything that the node stores of the group.
    Remove {} => Done, "/remove";
    /// Asks the leader to hand over to node `to`.
    HandOver { to: NodeId } => Done, "/hand-over";
    /// Asks the leader to add a learner, and waits until the learner has caught up.
    AddLearner { id: NodeId, node: BasicNode } => Done, "/add-learner";
    /// Asks the leader to change the voters. A voter that is not in the list leaves the group.
    SetVoters { voters: BTreeSet<NodeId> } => Done, "/set-voters";
    /// Asks for the group as the node sees it.
    Look {} => GroupView, "/look";
    /// Asks for all groups of the node.
    List {} => Groups, "/list";
    /// Asks for the resources that the node's process has used.
    GetStats {} => Stats, "/stats";
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub struct Pong {
    /// A number that is different at each start of the process.
    pub incarnation: u64,
}

#[derive(WireMessage)]
#[wire(version = 1)]
pub enum Written {
    /// The write was done. The field is the new value of the counter.
    At(u64),
    /// Nothing was written. The field is the leader, if the node that was asked knows one.
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
    /// The leader that the node knows; `None` during an election. A node names itself only if it leads.
    pub leader: Option<NodeId>,
    /// The counter as this replica has applied it, which may be old.
    pub count: u64,
    /// Whether the timers of the group are stopped on this node.
    pub asleep: bool,
}
