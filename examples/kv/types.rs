//! The types that raft replicates.

use crate::command::{Command, Outcome};
use crate::state_machine::StateMachine;
use openraft_toolkit::openraft::{self, BasicNode, alias};

openraft_toolkit::declare_raft_types_ext! {
    /// A node is an id and the address at which it serves HTTP. A snapshot's data is the content of the snapshot file.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Command,
        AppDataResponse = Outcome,
        SnapshotData = Vec<u8>,
}

pub type NodeId = u64;
pub type Raft = openraft::Raft<TypeConfig, StateMachine>;
pub type Entry = alias::EntryOf<TypeConfig>;
pub type LogId = alias::LogIdOf<TypeConfig>;
pub type Vote = alias::VoteOf<TypeConfig>;
pub type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub type Snapshot = alias::SnapshotOf<TypeConfig, Vec<u8>>;
