//! A type config can be declared in a function, in a module, several times in one crate, and where names are shadowed.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

mod service {
    openraft_toolkit::declare_raft_types_ext! {
        pub(crate) TypeConfig: Node = (), AppData = String, AppDataResponse = (),
    }
}

mod shadows {
    pub(crate) struct Vec;
    pub(crate) struct Option;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod openraft {}

    openraft_toolkit::declare_raft_types_ext! {
        pub(crate) TypeConfig: Node = (), AppData = u64, AppDataResponse = (),
    }
}

fn main() {
    use openraft_toolkit::declare_raft_types_ext;

    declare_raft_types_ext! {
        Local: Node = (), AppData = String, AppDataResponse = (),
    }
    let _ = (
        Local::default(),
        service::TypeConfig::default(),
        shadows::TypeConfig::default(),
    );
    let _ = (shadows::Vec, shadows::Option);
}
