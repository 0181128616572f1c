//! Only what is required, under every lint.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::{declare_raft_types_ext, openraft};

declare_raft_types_ext! {
    /// Documented, as every public item of this crate.
    pub TypeConfig:
        Node = openraft::BasicNode,
        AppData = String,
        AppDataResponse = ()
}

fn main() {
    let _ = TypeConfig::default();
}
