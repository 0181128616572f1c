use openraft_toolkit::declare_raft_types_ext;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Name(String);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        NodeId = Name,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
