use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        AppDta = String,
        AppDataResponse = (),
        node_id = u64,
        SnapShotData = std::fs::File,
}

fn main() {}
