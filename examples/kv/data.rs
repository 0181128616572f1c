//! The data that commands change, as of this release.

use std::collections::BTreeMap;

use openraft_toolkit::WireMessage;

use crate::command::{Command, Outcome};

#[derive(Clone, Debug, Default, WireMessage)]
#[wire(version = 1, serde, layout(1 = "8a6eacdbc760fe18"))]
pub struct Data {
    values: BTreeMap<String, Vec<u8>>,
}

/// The answer to a read.
pub type Value = Vec<u8>;

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
            Command::Put { key, value, .. } => self.values.insert(key, value),
            Command::Delete { key } => self.values.remove(&key),
            // The state machine handles this command; the data does not change.
            Command::Raise { .. } => None,
        };
        Outcome::Done {
            existed: previous.is_some(),
        }
    }

    pub fn get(&self, key: &str) -> Option<Value> {
        self.values.get(key).cloned()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}
