use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        AppData = String,
        AppDataResponse = (),
        Batch<T: Send> = Vec<T>,
}

fn main() {}
