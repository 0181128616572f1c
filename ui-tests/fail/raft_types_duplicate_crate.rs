use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        crate = openraft_toolkit,
        crate = openraft_toolkit,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
