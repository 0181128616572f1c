//! Code that the log store on RocksDB and the fakes share. Nothing here is public, and nothing here depends on RocksDB.
//!
//! The files, from the top down. `entry_stream` imports `span`; the others import no file of this folder.
//!
//! - [`entry_stream`]: iterators over the entries of a range, which they read in chunks.
//! - [`span`]: ranges of log indexes, and the check that a log has no hole.
//! - [`lock`](mod@lock): locks a mutex, even if the mutex is poisoned.
//! - [`error_chain`](mod@error_chain): formats an error and its sources as one line.

pub(crate) mod entry_stream;
pub(crate) mod error_chain;
pub(crate) mod lock;
pub(crate) mod span;
