//! Messages can be inside other messages, and wherever a serde type can be.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use std::borrow::Cow;
use std::fmt;

use openraft_toolkit::{WireMessage, declare_raft_types_ext};

#[derive(Debug, Clone, WireMessage)]
#[wire(version = 2, min_version = 1, serde)]
enum Command {
    Put(Key, Vec<Key>),
    #[wire(since = 2)]
    Clear,
}

#[derive(Debug, Clone, PartialEq, Default, WireMessage)]
#[wire(version = 1, serde)]
struct Key {
    text: Cow<'static, str>,
}

#[derive(Debug, WireMessage)]
#[wire(version = 3, serde)]
enum Tree<'a, T> {
    Leaf(T, Cow<'a, [u8]>),
    Node(Box<Self>),
    Empty {},
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command")
    }
}

declare_raft_types_ext! {
    Types: Node = (), AppData = Command, AppDataResponse = Option<Key>
}

fn is_serde<T: serde::Serialize + serde::de::DeserializeOwned>() {}

fn main() {
    is_serde::<Tree<'static, Key>>();
    is_serde::<openraft_toolkit::openraft::alias::EntryOf<Types>>();
    let _ = Command::Put(Key::default(), Vec::new()).encode_at(1);
    let _ = Tree::<Key>::Node(Box::new(Tree::Empty {})).encode();
    let _ = Tree::Leaf(1, Cow::Borrowed(&[1])).encode();
    let _ = Command::Clear;
}
