//! A user's `macro_rules!` can pass its tokens on to `declare_raft_types_ext!`.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

macro_rules! config {
    ($name:ident, $app_data:ty, $node:path) => {
        openraft_toolkit::declare_raft_types_ext! {
            $name: Node = $node, AppData = $app_data, AppDataResponse = (),
        }
    };
}

config!(TypeConfig, String, openraft_toolkit::openraft::BasicNode);

fn main() {
    let _ = TypeConfig::default();
}
