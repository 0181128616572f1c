use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        #[cfg(all())]
        Node = String,
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
