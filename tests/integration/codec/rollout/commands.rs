//! The command of two releases, and the version at which a log store has written each command.

use std::fmt;

use openraft_toolkit::log_store::{KeySpace, LOG_CF};
use openraft_toolkit::{WireMessage, declare_raft_types_ext};
use rocksdb::{DB, IteratorMode};

pub use self::v3::{Command, Types};

/// The first release. It has `Raise`, because each release must be able to apply the raise of the level.
pub mod v1 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, WireMessage)]
    #[wire(version = 1, serde)]
    pub enum Command {
        Put { key: String },
        Raise(u8),
    }

    declare_raft_types_ext! {
        pub Types: Node = (), AppData = Command, AppDataResponse = ()
    }
}

pub mod v3 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde)]
    pub enum Command {
        Put {
            key: String,
            #[wire(since = 2)]
            lease: Option<u64>,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Raise(u8),
        #[wire(since = 3)]
        Clear,
    }

    declare_raft_types_ext! {
        pub Types: Node = (), AppData = Command, AppDataResponse = ()
    }
}

impl fmt::Display for v1::Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

pub fn put(key: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        lease: None,
        trace: 0,
    }
}

/// Returns a command that no version before 2 can hold.
pub fn leased(key: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        lease: Some(60),
        trace: 0,
    }
}

/// Returns the frames of a group's entries as RocksDB holds them.
pub fn frames<K: KeySpace>(db: &DB, keys: K) -> Vec<Vec<u8>> {
    let items = db.iterator_cf(&db.cf_handle(LOG_CF).unwrap(), IteratorMode::Start);
    items
        .map(Result::unwrap)
        .filter(|(key, _)| keys.log_index(key).is_some())
        .map(|(_, frame)| frame.into())
        .collect()
}

/// Returns the version of each command in a group's log.
///
/// An entry is `[version of the entry | log id, here 3 bytes | kind of the payload]`, followed by the command's frame if
/// the kind is 1, a normal entry. A frame begins with its version.
pub fn versions<K: KeySpace>(db: &DB, keys: K) -> Vec<u8> {
    let frames = frames(db, keys).into_iter();
    frames
        .filter_map(|frame| match frame[..] {
            [1, _, _, _, 1, version, ..] => Some(version),
            _ => None,
        })
        .collect()
}
