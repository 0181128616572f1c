use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = 5,
        AppData = "String",
        AppDataResponse = (),
}

fn main() {}
