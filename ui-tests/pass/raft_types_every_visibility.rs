//! A type config can have any visibility. The types in its slots need no wider visibility than the type config has.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]

mod service {
    type Reply = String;

    pub(crate) mod types {
        use std::fmt;

        use serde::{Deserialize, Serialize};

        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub(super) struct Command;

        impl fmt::Display for Command {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("command")
            }
        }

        openraft_toolkit::declare_raft_types_ext! {
            pub(in super) InService: Node = (), AppData = Command, AppDataResponse = (),
        }

        openraft_toolkit::declare_raft_types_ext! {
            pub(super) InSuper: Node = (), AppData = super::Reply, AppDataResponse = (),
        }

        openraft_toolkit::declare_raft_types_ext! {
            pub(self) InSelf: Node = (), AppData = super::Reply, AppDataResponse = (),
        }

        pub(crate) fn in_self() {
            let _ = InSelf::default();
        }
    }

    pub(crate) fn in_service() {
        let _ = (types::InService::default(), types::InSuper::default());
    }
}

openraft_toolkit::declare_raft_types_ext! {
    /// Visible to every user of this crate.
    pub Everywhere: Node = (), AppData = ::std::string::String, AppDataResponse = (),
}

fn main() {
    service::in_service();
    service::types::in_self();
    let _ = Everywhere::default();
}
