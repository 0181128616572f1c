//! What clients ask the cluster to do, as of this release.

use std::collections::BTreeSet;
use std::fmt;

use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

use crate::types::NodeId;

/// The newest level that this release reads and writes: the highest version that a type of it has.
pub const NEWEST_LEVEL: u8 = 1;

#[derive(Clone, Debug, WireMessage)]
#[wire(version = 1, serde, layout(1 = "708199900c5efca8"))]
pub enum Command {
    Put {
        key: String,
        value: Vec<u8>,
        /// Puts nothing where this is not the value.
        expected: Option<Vec<u8>>,
    },
    Delete {
        key: String,
    },
    /// From now on every node writes at `level`, unless `asked` are no longer the members: one that
    /// has joined since may be too old to read it.
    Raise {
        level: u8,
        asked: BTreeSet<NodeId>,
    },
}

/// What applying a [`Command`] found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// It is done. Whether the key had a value before.
    Done { existed: bool },
    /// Nothing was put: this is what the key has instead of the expected value.
    Unexpected { found: Option<Vec<u8>> },
}

/// How to put, as `?name=value`: what only a later release understands is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutOptions {
    expected: Option<String>,
}

impl Command {
    pub fn put(key: String, value: Vec<u8>, options: PutOptions) -> Self {
        Self::Put {
            key,
            value,
            expected: options.expected.map(String::into_bytes),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value, expected } => {
                write!(f, "put {key:?} ({} bytes)", value.len())?;
                match expected {
                    Some(expected) => write!(f, " over {} bytes", expected.len()),
                    None => Ok(()),
                }
            }
            Self::Delete { key } => write!(f, "delete {key:?}"),
            Self::Raise { level, .. } => write!(f, "raise the level to {level}"),
        }
    }
}
