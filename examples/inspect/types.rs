//! The types of the logs that are read: put those of your service here.

use openraft_toolkit::openraft::BasicNode;

use crate::command::{Command, Outcome};

openraft_toolkit::declare_raft_types_ext! {
    /// What `examples/kv` writes.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Command,
        AppDataResponse = Outcome,
}

pub type NodeId = u64;
