use std::fmt::{self, Display};

use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command<K>(K);

impl<K> Display for Command<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command")
    }
}

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = (),
        AppData = Command,
        AppDataResponse = (),
}

fn main() {}
