use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        #[cfg(all())]
        Node = (),
        #[cfg(not(any()))]
        Node = String,
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
