use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        type Node = ();
        type AppData = String;
        type AppDataResponse = ();
}

fn main() {}
