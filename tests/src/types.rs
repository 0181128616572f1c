//! The type config of the tests: a replicated map of strings.

use std::fmt;

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::BasicNode;
use serde::{Deserialize, Serialize};

declare_raft_types_ext! {
    /// The type config of the tests.
    pub TypeConfig:
        Node = BasicNode,
        AppData = Set,
        AppDataResponse = Option<String>,
}

/// The one command: sets `key` to `value` and answers with the value that it had.
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
