use openraft_toolkit::declare_raft_types_ext;

declare_raft_types_ext! {
    pub TypeConfig
}

// The macro declares the type despite the mistake, so this use is not a second error.
fn main() {
    let _ = TypeConfig::default();
}
