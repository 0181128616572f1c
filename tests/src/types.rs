//! The type config of the tests: a replicated map of strings.

use std::fmt;

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::alias::EntryOf;
use openraft_toolkit::openraft::{BasicNode, EntryPayload};
use serde::{Deserialize, Serialize};

use crate::state_machine::{KvTypes, Map};

declare_raft_types_ext! {
    /// The type config of the tests.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Set,
        AppDataResponse = Option<String>,
}

impl KvTypes for TypeConfig {
    fn apply(entry: EntryOf<Self>, map: &mut Map) -> Option<String> {
        match entry.payload {
            EntryPayload::Normal(set) => map.insert(set.key, set.value),
            EntryPayload::Blank | EntryPayload::Membership(_) => None,
        }
    }
}

/// The only command: sets `key` to `value`, and answers with the value that the key had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    pub key: String,
    pub value: String,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}
