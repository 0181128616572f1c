use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    Node = (),
    AppData = String,
    AppDataResponse = (),
}

fn main() {}
