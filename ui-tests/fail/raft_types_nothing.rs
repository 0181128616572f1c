openraft_toolkit::declare_raft_types_ext! {}

fn main() {}
