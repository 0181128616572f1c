use openraft_toolkit::declare_raft_types_ext;
use openraft_toolkit::openraft::{BasicNode, EntryPayload};

declare_raft_types_ext! {
    pub TypeConfig:
        Payload = EntryPayload<Self::D, Self::NodeId, BasicNode>,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
