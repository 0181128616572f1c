use openraft_toolkit::declare_raft_types_ext;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command;

declare_raft_types_ext! {
    pub(crate) TypeConfig:
        Node = (),
        AppData = Command,
        AppDataResponse = (),
}

// The macro implements `RaftTypeConfig` despite the mistake, so this use is not a second error.
fn is_raft_type_config<C: openraft_toolkit::RaftTypes>() {}

fn main() {
    is_raft_type_config::<TypeConfig>();
}
