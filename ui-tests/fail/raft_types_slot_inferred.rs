use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = _,
        AppDataResponse = impl Send,
        AppData = String,
}

fn main() {}
