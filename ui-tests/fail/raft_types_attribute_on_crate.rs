use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        /// Where the toolkit is.
        crate = openraft_toolkit,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
