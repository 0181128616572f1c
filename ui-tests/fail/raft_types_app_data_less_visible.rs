use std::fmt::{self, Display};

use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command;

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command")
    }
}

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        AppData = Command,
        AppDataResponse = (),
}

fn main() {}
