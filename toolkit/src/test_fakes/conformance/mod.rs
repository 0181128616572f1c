//! Checks your own log store or key space against the rules that openraft and this library rely on.
//!
//! - [`log_store`](log_store()) checks a [`RaftLogStorage`](openraft::storage::RaftLogStorage). It makes fixed and
//!   random sequences of calls, with restarts and power cuts, and checks the rules of durability, which openraft's own
//!   suite does not test. Then it runs that suite.
//! - `key_spaces` checks the laws of a [`KeySpace`](crate::log_store::KeySpace). It needs the feature
//!   `rocksdb-log-store`.
//!
//! A check that finds a broken [`Rule`] returns a [`Violation`]. The message of the violation names the rule, the
//! reason for the rule, and the calls that lead to the violation.
//!
//! # Examples
//!
//! To check a log store, implement [`LogDisk`] for the medium on which the store keeps its data. A `LogDisk` opens the
//! store and, if it can, simulates a power failure. [`MemLogStore`](super::MemLogStore) implements `LogDisk`:
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

// The files of this folder, from the public entry point down. Each imports only files below it.
//
// - `log_store`: runs all checks of a log store.
// - `history`: makes calls on a store, and compares the store after each call with what it must hold.
// - `expected`: what a store must hold after the calls, a restart or a power cut.
// - `calls`: fixed and random sequences of calls.
// - `entries`: makes the entries that the calls append, and formats logs for messages.
// - `key_spaces`: checks key spaces; of this folder it imports only `violation`.
// - `log_disk`, `report`, `violation`: the public types of the checks.

mod calls;
mod entries;
mod expected;
mod history;
#[cfg(feature = "rocksdb-log-store")]
mod key_spaces;
mod log_disk;
mod log_store;
mod report;
mod violation;

#[cfg(feature = "rocksdb-log-store")]
pub use key_spaces::{GROUP_IDS, key_spaces};
pub use log_disk::LogDisk;
pub use log_store::{LogStoreOptions, log_store, log_store_with};
pub use report::LogStoreReport;
pub use violation::{Rule, Violation};
