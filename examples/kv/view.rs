//! The cluster as one node sees it: the answer to `GET /cluster`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::NodeId;

#[derive(Debug, Serialize, Deserialize)]
pub struct ClusterView {
    pub id: NodeId,
    pub role: String,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub last_applied: Option<u64>,
    /// The level at which this node writes.
    pub level: u8,
    /// The newest level that this node's release reads.
    pub newest_level: u8,
    pub nodes: BTreeMap<NodeId, NodeView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct NodeView {
    pub addr: String,
    pub voter: bool,
}
