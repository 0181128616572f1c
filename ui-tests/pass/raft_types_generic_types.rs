//! The types in slots can have type arguments, and can hold function pointers with lifetimes.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use std::fmt::{self, Display};
use std::marker::PhantomData;

use openraft_toolkit::openraft::impls::BasicNode;
use openraft_toolkit::{RaftTypes, declare_raft_types_ext};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command<K> {
    key: K,
}

impl<K: Display> Display for Command<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "touch {}", self.key)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Labelled<N, L>(N, L, PhantomData<for<'slot> fn(&'slot u8)>);

declare_raft_types_ext! {
    TypeConfig:
        Node = Labelled<BasicNode, [u8; 4]>,
        AppData = Command<Box<str>>,
        AppDataResponse = Result<Option<(u64, String)>, ()>,
        SnapshotData = Box<dyn std::io::Read + Send>,
        NodeId = Box<String>,
}

fn command<C: RaftTypes<D = Command<Box<str>>>>(key: &str) -> C::D {
    Command { key: key.into() }
}

fn main() {
    assert_eq!(command::<TypeConfig>("k").to_string(), "touch k");
}
