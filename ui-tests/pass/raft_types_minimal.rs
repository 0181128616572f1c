//! A type config with only the required slots compiles under strict lints.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

use openraft_toolkit::{declare_raft_types_ext, openraft};

declare_raft_types_ext! {
    /// Documented, because the crate denies public items without documentation.
    pub TypeConfig:
        Node = openraft::BasicNode,
        AppData = String,
        AppDataResponse = ()
}

fn main() {
    let _ = TypeConfig::default();
}
