use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Address(String);

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = Address,
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
