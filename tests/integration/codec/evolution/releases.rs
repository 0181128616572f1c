//! One application's command at each of its releases, as the binaries of those releases define it.

use std::fmt::Debug;

use openraft_toolkit::{CodecError, WireMessage};
use serde::{Deserialize, Serialize};
use v3::{Command, Priority};

pub mod v1 {
    use super::*;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 1, serde, layout(1 = "e87da525341194b6"))]
    pub enum Command {
        Put { key: String, value: Vec<u8> },
        Delete(String),
        Nothing,
    }
}

pub mod v2 {
    use super::*;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde, layout(1 = "e87da525341194b6", 2 = "9190b5452e94c280"))]
    pub enum Command {
        Put {
            #[wire(since = 2)]
            lease: Option<u64>,
            key: String,
            value: Vec<u8>,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Delete(String),
        Nothing,
        #[wire(since = 2)]
        Touch {
            key: String,
        },
    }
}

pub mod v3 {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    pub enum Priority {
        Low,
        Normal,
    }

    impl Priority {
        pub fn normal() -> Self {
            Self::Normal
        }
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde, layout(1 = "e87da525341194b6", 2 = "9190b5452e94c280", 3 = "24a19f0a26604ba2"))]
    pub enum Command {
        Put {
            // Newer fields may be at any position.
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

/// A command that every version can hold.
pub fn put() -> Command {
    Command::Put {
        lease: None,
        key: "k".to_owned(),
        value: vec![7],
        priority: Priority::Normal,
        trace: 0,
    }
}

pub fn leased() -> Command {
    Command::Put {
        lease: Some(9),
        key: "k".to_owned(),
        value: vec![7],
        priority: Priority::Normal,
        trace: 0,
    }
}

#[track_caller]
pub fn assert_not_representable<T: Debug>(result: Result<T, CodecError>, at: u8, what: &str) {
    match result {
        Err(CodecError::NotRepresentable {
            version, what: found, ..
        }) => {
            assert_eq!((version, found), (at, what));
        }
        other => panic!("{what} at version {at}: {other:?}"),
    }
}
