use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Term = Self::NodeId,
        NodeId = Self::Term,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
