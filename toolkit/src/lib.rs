//! The parts that every service on [openraft] needs, ready to use: durable, fast, and with errors that say what to do.
//!
//! - [`declare_raft_types_ext!`] declares the type config. You name only the types that differ from the defaults.
//! - [`WireMessage`](derive@WireMessage) gives your RPCs and records a [versioned frame](codec).
//! - [`RocksdbLogStore`](log_store) is openraft's log storage on RocksDB, for one raft group or thousands.
//! - [`lifecycle`] starts, watches and stops the nodes of a cluster, and changes its members.
//! - [`test_fakes`] runs a cluster in one process, on a network with faults, in your own tests.
//!
//! # A complete example
//!
//! You write the state machine and the network. The toolkit connects them with openraft:
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
//!     // Make a restarted leader win an election before it serves reads: see `log_store::durability`.
//!     let config = Config { enable_leader_restore: Some(false), ..Config::default() };
//!     let config = Arc::new(config.validate()?);
//!     let raft = Raft::new(1, config, network, log, state_machine).await?;
//!     bootstrap(&raft, BootstrapMode::Join).await?;
//!     Ok(raft) // from now on, peers may reach the node
//! }
//! # }
//! ```
//!
//! The repository's README has a quick start: a program that runs as it is. The repository's `examples/kv` is a
//! replicated key-value service, with a network between processes, durable snapshots and an HTTP API.
//!
//! # Where names are
//!
//! Each of the modules [`codec`], [`lifecycle`] and [`log_store`] documents its names together on its own page. The
//! names that most services use are also re-exported here, so that one `use openraft_toolkit::{...}` is enough to
//! start, grow and stop a node. Settings and tools of the log store are only in [`log_store`], and everything for tests
//! is only in [`test_fakes`].
//!
//! # Feature flags
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rocksdb-log-store` | yes | [`log_store`], and RocksDB as a dependency. |
//! | `test-fakes` | no | [`test_fakes`]. Enable it in `[dev-dependencies]`. |
//! | `linearizability` | no | [`test_fakes::linearizability`], a checker of the answers that clients get. Implies `test-fakes`. |
//!
//! # Runtimes
//!
//! Everything works on any multi-threaded runtime of openraft; tokio is the default. openraft's feature
//! `single-threaded` is not supported, because the log store runs callbacks on its own thread.
#![cfg_attr(
    not(all(feature = "rocksdb-log-store", feature = "linearizability")),
    allow(rustdoc::broken_intra_doc_links)
)]

/// The exact openraft release that this toolkit is built on.
///
/// openraft 0.10 is an alpha, and its interfaces change from one alpha to the next. Use it through this re-export, so
/// that your code and the toolkit always use the same release.
pub use openraft;
/// The exact release of the crate `rocksdb` that the log store is built on.
///
/// Use it through this re-export to open a database yourself or to share it with your state machine, so that your code
/// and the log store always use the same release. Cargo features of RocksDB, such as compression, are turned on by a
/// dependency of your own on the crate `rocksdb`: Cargo adds up the features of all crates.
#[cfg(feature = "rocksdb-log-store")]
pub use rocksdb;

pub mod codec;
pub mod lifecycle;
#[cfg(feature = "rocksdb-log-store")]
pub mod log_store;
mod raft_types;
#[cfg(any(feature = "rocksdb-log-store", feature = "test-fakes"))]
mod support;
#[cfg(feature = "test-fakes")]
pub mod test_fakes;

#[doc(inline)]
pub use codec::{CodecError, WireMessage, WriteVersion, decode, encode};
#[doc(inline)]
pub use lifecycle::{
    BootstrapError, BootstrapMode, Bootstrapped, Handover, LeadershipState, MembershipError, ProposeError,
    WritableError, add_learner, add_learner_checked, bootstrap, bootstrap_checked, change_membership,
    graceful_shutdown, hand_over, leadership_events, leadership_events_from_metrics, promote_learner, propose,
    propose_at, replace_voter, wait_writable, while_leader,
};
#[cfg(feature = "rocksdb-log-store")]
#[doc(inline)]
pub use log_store::{Flat, GroupPrefixed, KeySpace, MetaLabel, RocksdbLogStore, RocksdbLogStoreError, open_db};
pub use openraft_toolkit_macros::declare_raft_types_ext;
pub use raft_types::RaftTypes;

/// Names for the code that the macros of this library generate. They are not part of the public interface, and may
/// change in any release.
#[doc(hidden)]
pub mod __private;
