//! Code that the log store on RocksDB and the fakes share. Nothing here is public or knows of a database.
//!
//! The files, from the top down. `entry_stream` imports `span`; the others stand apart.
//!
//! - [`entry_stream`]: reads the entries of a range a chunk at a time, as openraft's readers return them.
//! - [`span`]: ranges of log indexes, and the rule that a log has no hole.
//! - [`lock`](mod@lock): locks a mutex, also after a panic.
//! - [`error_chain`](mod@error_chain): shows an error and its sources in one line.

pub(crate) mod entry_stream;
pub(crate) mod error_chain;
pub(crate) mod lock;
pub(crate) mod span;
