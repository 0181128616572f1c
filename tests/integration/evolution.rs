//! `#[derive(WireMessage)]` over versions: what older bodies become, and what older versions can hold.

use std::borrow::Cow;
use std::fmt::Debug;

use openraft_toolkit::codec::WireMessageBorrowed;
use openraft_toolkit::{CodecError, WireMessage, WriteVersion, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
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
