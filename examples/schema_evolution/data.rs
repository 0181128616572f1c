//! The data that commands change, as of release 3. Compare this file with `kv/data.rs`, which is release 1.
//!
//! A snapshot at level 1 has no place for the new fields. Each new field must therefore keep its default until a
//! new command fills it, and new commands get into the log only after the level is raised.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use openraft_toolkit::WireMessage;

use crate::command::{Command, Outcome, Priority};

#[derive(Clone, Debug, Default, WireMessage)]
#[wire(version = 3, min_version = 1, serde, layout(1 = "8a6eacdbc760fe18", 2 = "225b7e702cf2b6f3", 3 = "57d71a8a0fbfaa7e"))]
pub struct Data {
    values: BTreeMap<String, Vec<u8>>,
    #[wire(since = 2)]
    leases: BTreeMap<String, u64>,
    /// The priorities other than `Normal`, by key.
    #[wire(since = 3)]
    priorities: BTreeMap<String, Priority>,
}

/// The answer to a read.
pub struct Value {
    bytes: Vec<u8>,
    lease: Option<u64>,
    priority: Priority,
}

impl IntoResponse for Value {
    fn into_response(self) -> Response {
        let priority = [("kv-priority", format!("{:?}", self.priority).to_lowercase())];
        let lease = self.lease.map(|seconds| [("kv-lease", seconds.to_string())]);
        match lease {
            Some(lease) => (priority, lease, self.bytes).into_response(),
            None => (priority, self.bytes).into_response(),
        }
    }
}

impl Data {
    pub fn apply(&mut self, command: Command) -> Outcome {
        let previous = match command {
            Command::Put {
                key,
                expected: Some(expected),
                ..
            } if self.values.get(&key) != Some(&expected) => {
                return Outcome::Unexpected {
                    found: self.values.get(&key).cloned(),
                };
            }
            Command::Put {
                key,
                value,
                lease,
                priority,
                ..
            } => {
                self.leases.remove(&key);
                self.priorities.remove(&key);
                self.leases.extend(lease.map(|seconds| (key.clone(), seconds)));
                if priority != Priority::Normal {
                    self.priorities.insert(key.clone(), priority);
                }
                self.values.insert(key, value)
            }
            Command::PutIfAbsent { key, value } => match self.values.get(&key) {
                Some(present) => Some(present.clone()),
                None => self.values.insert(key, value),
            },
            Command::Delete { key } => {
                self.leases.remove(&key);
                self.priorities.remove(&key);
                self.values.remove(&key)
            }
            // The state machine handles this command; the data does not change.
            Command::Raise { .. } => None,
        };
        Outcome::Done {
            existed: previous.is_some(),
        }
    }

    pub fn get(&self, key: &str) -> Option<Value> {
        Some(Value {
            bytes: self.values.get(key)?.clone(),
            lease: self.leases.get(key).copied(),
            priority: self.priorities.get(key).copied().unwrap_or(Priority::Normal),
        })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}
