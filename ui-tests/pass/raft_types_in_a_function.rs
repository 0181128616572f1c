//! A type config can be declared in a function, even in a generic function or a `const fn`.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use std::fmt::{self, Display};

use openraft_toolkit::{RaftTypes, declare_raft_types_ext};
use serde::{Deserialize, Serialize};

fn is_raft_type_config<C: RaftTypes>(_: C) {}

fn in_a_generic_function<T: Default>() -> T {
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Command;

    impl Display for Command {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("command")
        }
    }

    declare_raft_types_ext! {
        TypeConfig: Node = (), AppData = Command, AppDataResponse = (),
    }
    is_raft_type_config(TypeConfig::default());
    T::default()
}

const fn in_a_constant() -> usize {
    declare_raft_types_ext! {
        TypeConfig: Node = (), AppData = String, AppDataResponse = (),
    }
    size_of::<TypeConfig>()
}

const SIZE: usize = in_a_constant();

fn main() {
    assert_eq!(SIZE, in_a_generic_function::<usize>());
}
