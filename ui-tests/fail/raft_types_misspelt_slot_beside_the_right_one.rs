use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        AppDatas = String,
        AppData = String,
        Node = (),
        AppDataResponse = (),
}

fn main() {}
