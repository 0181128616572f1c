//! `#[derive(WireMessage)]` over versions: what older bodies become, and what older versions can hold.

use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

/// One application's command at each of its releases, as the binaries of those releases have it.
mod v1 {
    use super::*;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 1, serde, layout(1 = "e87da525341194b6"))]
    pub(super) enum Command {
        Put { key: String, value: Vec<u8> },
        Delete(String),
        Nothing,
    }
}

mod v3 {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    pub(super) enum Priority {
        Low,
        Normal,
    }

    impl Priority {
        pub(super) fn normal() -> Self {
            Self::Normal
        }
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde, layout(1 = "e87da525341194b6", 2 = "9190b5452e94c280", 3 = "24a19f0a26604ba2"))]
    pub(super) enum Command {
        Put {
            // Newer fields may stand anywhere.
            #[wire(since = 2)]
            lease: Option<u64>,
            key: String,
            value: Vec<u8>,
            #[wire(since = 3, default = Priority::normal)]
            priority: Priority,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Delete(String, #[wire(since = 3)] bool),
        Nothing,
        #[wire(since = 2)]
        Touch {
            key: String,
            #[wire(since = 3)]
            at: u64,
        },
        #[wire(since = 3)]
        Clear,
    }
}

#[test]
fn older_bodies_are_read_with_defaults_for_what_they_lack() {
    let old = v1::Command::Put {
        key: "k".to_owned(),
        value: vec![1],
    };
    assert_eq!(
        v3::Command::decode(&old.encode().unwrap()).unwrap(),
        v3::Command::Put {
            lease: None,
            key: "k".to_owned(),
            value: vec![1],
            priority: v3::Priority::Normal,
            trace: 0,
        }
    );
}
