//! The leader that an error names, and the advice to ask that leader.

use openraft::RaftTypeConfig;
use openraft::alias::{NodeIdOf, NodeOf};
use openraft::errors::ForwardToLeader;

/// Returns the advice for an error message: to ask the leader or, if none is known, to ask again later.
pub(super) fn redirect<NodeId: std::fmt::Display, Node>(leader: &Option<(NodeId, Node)>) -> String {
    match leader {
        Some((id, _)) => format!("ask node {id}"),
        None => "ask again once a leader is elected".to_string(),
    }
}

/// Returns the id and the node of the leader that openraft names, or `None` if either is missing.
pub(super) fn leader_of<C: RaftTypeConfig>(forward: &ForwardToLeader<C>) -> Option<(NodeIdOf<C>, NodeOf<C>)> {
    forward.leader_id.clone().zip(forward.leader_node.clone())
}
