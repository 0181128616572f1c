use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        AppData = &'static str,
        Node = (),
        AppDataResponse = (),
}

fn main() {}
