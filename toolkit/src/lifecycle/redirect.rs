//! The node that an error sends the caller to.

use openraft::RaftTypeConfig;
use openraft::alias::{NodeIdOf, NodeOf};
use openraft::errors::ForwardToLeader;

/// Returns the advice of an error that names a leader, or names none.
pub(super) fn redirect<NodeId: std::fmt::Display, Node>(leader: &Option<(NodeId, Node)>) -> String {
    match leader {
        Some((id, _)) => format!("ask node {id}"),
        None => "ask again once a leader is elected".to_string(),
    }
}

/// Returns the leader that openraft names, if it also says how to reach the leader.
pub(super) fn leader_of<C: RaftTypeConfig>(forward: &ForwardToLeader<C>) -> Option<(NodeIdOf<C>, NodeOf<C>)> {
    forward.leader_id.clone().zip(forward.leader_node.clone())
}
