use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Payload = String,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
