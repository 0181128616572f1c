//! The commands of clients, as of release 3. Compare this file with `kv/command.rs`, which is release 1.

use std::collections::BTreeSet;
use std::fmt;

use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

use crate::types::NodeId;

/// The newest level that this release reads and writes: the highest version of any of its types.
pub const NEWEST_LEVEL: u8 = 3;

#[derive(Clone, Debug, WireMessage)]
#[wire(version = 3, min_version = 1, serde, layout(1 = "708199900c5efca8", 2 = "e3a47c75c1dc4b6a", 3 = "dc265babab5651eb"))]
pub enum Command {
    Put {
        key: String,
        value: Vec<u8>,
        /// Put only if the key has this value.
        expected: Option<Vec<u8>>,
        /// For how many seconds the value is valid.
        #[wire(since = 2)]
        lease: Option<u64>,
        #[wire(since = 3, default = Priority::normal)]
        priority: Priority,
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
    /// Puts only if the key has no value.
    #[wire(since = 3)]
    PutIfAbsent {
        key: String,
        value: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    Normal,
    High,
}

impl Priority {
    pub fn normal() -> Self {
        Self::Normal
    }
}

/// The outcome of applying a [`Command`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The command took effect. `existed` says whether the key had a value before.
    Done { existed: bool },
    /// Nothing was put, because the key has the value `found` instead of the expected one.
    Unexpected { found: Option<Vec<u8>> },
}

/// The options of a put, given as `?name=value`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutOptions {
    expected: Option<String>,
    lease: Option<u64>,
    #[serde(default = "Priority::normal")]
    priority: Priority,
    #[serde(default)]
    if_absent: bool,
}

impl Command {
    pub fn put(key: String, value: Vec<u8>, options: PutOptions) -> Self {
        if options.if_absent {
            return Self::PutIfAbsent { key, value };
        }
        Self::Put {
            key,
            value,
            expected: options.expected.map(String::into_bytes),
            lease: options.lease,
            priority: options.priority,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put {
                key,
                value,
                expected,
                lease,
                priority,
            } => {
                write!(f, "put {key:?} ({} bytes)", value.len())?;
                if let Some(expected) = expected {
                    write!(f, " over {} bytes", expected.len())?;
                }
                if let Some(seconds) = lease {
                    write!(f, " for {seconds} s")?;
                }
                match priority {
                    Priority::Normal => Ok(()),
                    priority => write!(f, ", priority {priority:?}"),
                }
            }
            Self::Delete { key } => write!(f, "delete {key:?}"),
            Self::Raise { level, .. } => write!(f, "raise the level to {level}"),
            Self::PutIfAbsent { key, value } => write!(f, "put {key:?} ({} bytes) if absent", value.len()),
        }
    }
}
