//! The parts that every service built on [openraft] writes again, done once.
#![deny(missing_docs)]

/// The exact openraft release that this toolkit is built on.
///
/// openraft 0.10 is an alpha whose interfaces change from one alpha to the next. Use it through
/// this re-export, so that your code and the toolkit's always mean the same release.
pub use openraft;

pub mod codec;
pub mod lifecycle;
#[cfg(feature = "rocksdb-log-store")]
pub mod log_store;
mod raft_types;
#[cfg(feature = "test-fakes")]
pub mod test_fakes;

pub use codec::{CodecError, WireMessage, decode, encode};
pub use lifecycle::{
    BootstrapError, BootstrapMode, Bootstrapped, LeadershipState, MembershipError, add_learner, bootstrap,
    change_membership, leadership_events, leadership_events_from_metrics,
};
#[cfg(feature = "rocksdb-log-store")]
pub use log_store::{Flat, GroupPrefixed, KeySpace, MetaLabel, RocksdbLogStore, RocksdbLogStoreError, open_db};
pub use openraft_toolkit_macros::declare_raft_types_ext;
pub use raft_types::RaftTypes;

/// What generated code refers to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    #[allow(deprecated)]
    pub use openraft::impls::TokioRuntime;
    pub use serde::Serialize;
    pub use serde::de::DeserializeOwned;

    pub use crate::codec::{BodyReader, BodyWriter, decode_message, encode_message};
}
