//! The types that raft replicates. They are the same for every group.

use std::fmt;

use openraft_toolkit::openraft::{self, BasicNode, alias};
use serde::{Deserialize, Serialize};

use crate::state_machine::StateMachine;

openraft_toolkit::declare_raft_types_ext! {
    /// A node is an id and the address at which it serves all its groups. A snapshot's data is one encoded counter.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Increment,
        AppDataResponse = u64,
        SnapshotData = Vec<u8>,
}

pub type NodeId = u64;
pub type GroupId = u64;
pub type Raft = openraft::Raft<TypeConfig, StateMachine>;
pub type Entry = alias::EntryOf<TypeConfig>;
pub type LogId = alias::LogIdOf<TypeConfig>;
pub type Vote = alias::VoteOf<TypeConfig>;
pub type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub type Snapshot = alias::SnapshotOf<TypeConfig, Vec<u8>>;

/// Adds one to a group's counter if the counter is at `from`. A client may therefore repeat the command after a lost
/// answer: the counter still counts it once. The answer is the counter's value afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Increment {
    pub from: u64,
}

impl fmt::Display for Increment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "increment from {}", self.from)
    }
}
