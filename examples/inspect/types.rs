//! The type config of the logs that this program reads. Put the type config of your service here.

use openraft_toolkit::openraft::BasicNode;

use crate::command::{Command, Outcome};

openraft_toolkit::declare_raft_types_ext! {
    /// The types of `examples/kv`.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Command,
        AppDataResponse = Outcome,
}

pub type NodeId = u64;
