//! What openraft and this library ask of a log store or a key space, checked against yours.
//!
//! - [`log_store`] runs openraft's own suite against a [`RaftLogStorage`](openraft::storage::RaftLogStorage),
//!   and then the rules of durability that openraft relies on and its suite does not reach: with restarts and
//!   power cuts, in fixed and in random sequences of calls.
//! - `key_spaces` checks the laws of a [`KeySpace`](crate::log_store::KeySpace), with the feature
//!   `rocksdb-log-store`.
//!
//! What breaks a [`Rule`] comes back as a [`Violation`], whose message says which rule, why it is one, and the
//! calls that lead there.
//!
//! # Examples
//!
//! A log store of your own takes a [`LogDisk`], which opens it and, if it can, cuts its power.
//! [`MemLogStore`](super::MemLogStore) is one itself:
//!
//! ```
//! use openraft_toolkit::test_fakes::{MemLogStore, conformance};
//!
//! openraft_toolkit::declare_raft_types_ext! {
//!     pub Types: Node = (), AppData = String, AppDataResponse = ()
//! }
//!
//! # async fn check() -> Result<(), Box<dyn std::error::Error>> {
//! let report = conformance::log_store(|| Ok(MemLogStore::<Types>::new())).await?;
//! assert!(report.power_cuts > 0);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(check()).unwrap();
//! ```

mod history;
#[cfg(feature = "rocksdb-log-store")]
mod key_spaces;
mod log_disk;
mod log_store;
mod violation;

#[cfg(feature = "rocksdb-log-store")]
pub use key_spaces::{GROUP_IDS, key_spaces};
pub use log_disk::LogDisk;
pub use log_store::{LogStoreOptions, LogStoreReport, log_store, log_store_with};
pub use violation::{Rule, Violation};
