//! The parts that every service built on [openraft] writes again, done once: durable, fast, and
//! with errors that say what to do.
//!
//! - [`declare_raft_types_ext!`] declares the type config; you name only what varies.
//! - [`WireMessage`](derive@WireMessage) gives your RPCs and records a [versioned frame](codec).
//! - [`RocksdbLogStore`](log_store) is openraft's log storage on RocksDB, for one raft group or
//!   thousands.
//! - [`lifecycle`] starts, grows and watches a node.
//! - [`test_fakes`] has a cluster in one process, and a network with faults, for tests of your own.
//!
//! # The whole use
//!
//! The state machine and the network are yours; the toolkit is what lies between them and openraft.
//!
//! ```
//! # #[cfg(feature = "rocksdb-log-store")] mod example {
//! use std::error::Error;
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
//! use openraft_toolkit::openraft::network::NetSnapshot;
//! use openraft_toolkit::openraft::storage::RaftStateMachine;
//! use openraft_toolkit::openraft::{BasicNode, Config, Raft, RaftNetworkFactory};
//! use openraft_toolkit::{BootstrapMode, bootstrap, declare_raft_types_ext};
//!
//! declare_raft_types_ext! {
//!     /// Commands and answers are strings.
//!     pub Types: Node = BasicNode, AppData = String, AppDataResponse = String
//! }
//!
//! async fn start<N, SM>(dir: &Path, network: N, state_machine: SM) -> Result<Raft<Types, SM>, Box<dyn Error>>
//! where
//!     N: RaftNetworkFactory<Types>,
//!     N::Network: NetSnapshot<Types, SnapshotData = SM::SnapshotData>,
//!     SM: RaftStateMachine<Types>,
//! {
//!     let db = open_db(dir, LogDbOptions::default())?;
//!     let log = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, Flat)?;
//!     // A leader that restarts is elected again before it reads: see `log_store::durability`.
//!     let config = Config { enable_leader_restore: Some(false), ..Config::default() };
//!     let config = Arc::new(config.validate()?);
//!     let raft = Raft::new(1, config, network, log, state_machine).await?;
//!     bootstrap(&raft, BootstrapMode::Join).await?;
//!     Ok(raft) // from here on, its peers may reach it
//! }
//! # }
//! ```
//!
//! The repository's README has a quick start that runs, and `examples/kv` a replicated key-value
//! service with a network between processes, durable snapshots and an HTTP API.
//!
//! # Feature flags
//!
//! | feature | default | |
//! |---|---|---|
//! | `rocksdb-log-store` | yes | [`log_store`], and with it RocksDB. |
//! | `test-fakes` | no | [`test_fakes`]; meant for `[dev-dependencies]`. |
//!
//! # Runtimes
//!
//! Everything works on any runtime of openraft that is multi-threaded; tokio is the default. The log
//! store's callbacks come from a thread of its own, so that openraft's feature `single-threaded`
//! is not supported.
#![cfg_attr(
    not(all(feature = "rocksdb-log-store", feature = "test-fakes")),
    allow(rustdoc::broken_intra_doc_links)
)]

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
#[cfg(any(feature = "rocksdb-log-store", feature = "test-fakes"))]
mod support;
#[cfg(feature = "test-fakes")]
pub mod test_fakes;

pub use codec::{CodecError, WireMessage, WriteVersion, decode, encode};
pub use lifecycle::{
    BootstrapError, BootstrapMode, Bootstrapped, Handover, LeadershipState, MembershipError, WritableError,
    add_learner, add_learner_checked, bootstrap, bootstrap_checked, change_membership, graceful_shutdown, hand_over,
    leadership_events, leadership_events_from_metrics, promote_learner, replace_voter, wait_writable, while_leader,
};
#[cfg(feature = "rocksdb-log-store")]
pub use log_store::{Flat, GroupPrefixed, KeySpace, MetaLabel, RocksdbLogStore, RocksdbLogStoreError, open_db};
pub use openraft_toolkit_macros::declare_raft_types_ext;
pub use raft_types::RaftTypes;

/// What generated code refers to; not part of the interface.
#[doc(hidden)]
pub mod __private;
