use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig:
        Node = (),
        D = String,
        Node = String,
        Trem = u64,
        NodeId<T> = u64
}

fn main() {}
