//! The commands of clients, as of this release.

use std::collections::BTreeSet;
use std::fmt;

use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

use crate::types::NodeId;

/// The newest level that this release reads and writes: the highest version of any of its types.
pub const NEWEST_LEVEL: u8 = 1;

#[derive(Clone, Debug, WireMessage)]
#[wire(version = 1, serde, layout(1 = "708199900c5efca8"))]
pub enum Command {
    Put {
        key: String,
        value: Vec<u8>,
        /// Put only if the key has this value.
        expected: Option<Vec<u8>>,
    },
    Delete {
        key: String,
    },
    /// Makes every node write at `level` from now on. Has no effect if the members are no longer those in
    /// `asked`, because a node that has joined since may be too old to read the level.
    Raise {
        level: u8,
        asked: BTreeSet<NodeId>,
    },
}

/// The outcome of applying a [`Command`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The command took effect. `existed` says whether the key had a value before.
    Done { existed: bool },
    /// Nothing was put, because the key has the value `found` instead of the expected one.
    Unexpected { found: Option<Vec<u8>> },
}

/// The options of a put, given as `?name=value`. Options of a later release are refused.
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
