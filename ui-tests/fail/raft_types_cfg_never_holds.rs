use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        #[cfg(any())]
        Node = (),
        #[cfg(not(all()))]
        Node = String,
        AppData = String,
        AppDataResponse = (),
}

fn main() {}
