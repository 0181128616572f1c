//! The service: a map that clients put to, get from and compare-and-set.

use std::fmt;

use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::alias::EntryOf;
use openraft_toolkit::openraft::{self, BasicNode, EntryPayload};
use openraft_toolkit::test_fakes::linearizability::{Answer, Op};
use openraft_toolkit_tests::state_machine::{KvStateMachine, KvTypes, Map};
use serde::{Deserialize, Serialize};

declare_raft_types_ext! {
    /// Every command is answered with the value that the key had.
    pub Registers:
        Node = BasicNode,
        AppData = Command,
        AppDataResponse = Option<String>,
}

pub type Kv = KvStateMachine<Registers>;
pub type Raft = openraft::Raft<Registers, Kv>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub key: String,
    pub op: Op,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.op)
    }
}

impl KvTypes for Registers {
    fn apply(entry: EntryOf<Self>, map: &mut Map) -> Option<String> {
        let EntryPayload::Normal(Command { key, op }) = entry.payload else {
            return None;
        };
        let found = map.get(&key).cloned();
        match op {
            Op::Put(new) => {
                map.insert(key, new);
            }
            Op::CompareAndSet { expected, new } if expected == found => {
                map.insert(key, new);
            }
            Op::Delete => {
                map.remove(&key);
            }
            Op::Get | Op::CompareAndSet { .. } => {}
        }
        found
    }
}

/// Returns the answer to a client whose `op` found the value `found`.
pub fn answer(op: &Op, found: Option<String>) -> Answer {
    match op {
        Op::Put(_) | Op::Delete => Answer::Done,
        Op::Get => Answer::Value(found),
        Op::CompareAndSet { expected, .. } if *expected == found => Answer::Swapped,
        Op::CompareAndSet { .. } => Answer::Found(found),
    }
}
