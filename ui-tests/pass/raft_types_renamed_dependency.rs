//! The toolkit can have another name, and the crate need not depend on `openraft`.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

extern crate openraft_toolkit as toolkit;

toolkit::declare_raft_types_ext! {
    TypeConfig:
        crate = toolkit,
        Node = (),
        AppData = String,
        AppDataResponse = (),
}

fn main() {
    let _ = TypeConfig::default();
}
