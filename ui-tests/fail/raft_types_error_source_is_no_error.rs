use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        ErrorSource = String,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
