//! The types that raft replicates.

use std::fmt;

use openraft_toolkit::WireMessage;
use openraft_toolkit::openraft::{self, BasicNode, alias};
use serde::{Deserialize, Serialize};

use crate::state_machine::StateMachine;

openraft_toolkit::declare_raft_types_ext! {
    /// A node is an id and the address on which it serves HTTP; a snapshot is the bytes of its file.
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

/// What a client asks the cluster to do.
#[derive(Clone, Debug, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
pub enum Command {
    Put { key: String, value: Vec<u8> },
    Delete { key: String },
}

/// What applying a [`Command`] found.
#[derive(Clone, Debug, Default, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
pub struct Outcome {
    /// Whether the key had a value before.
    pub existed: bool,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "put {key:?} ({} bytes)", value.len()),
            Self::Delete { key } => write!(f, "delete {key:?}"),
        }
    }
}
