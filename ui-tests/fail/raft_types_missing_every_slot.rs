use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig
}

// The type is declared all the same: this is no second error.
fn main() {
    let _ = TypeConfig::default();
}
