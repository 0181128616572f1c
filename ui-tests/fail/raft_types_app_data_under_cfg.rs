use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = (),
        #[cfg(any())]
        AppData = String,
        #[cfg(not(any()))]
        AppData = Command,
        AppDataResponse = (),
}

fn main() {}
