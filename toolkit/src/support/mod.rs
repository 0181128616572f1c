//! What the log store on RocksDB and the fakes share. Nothing here is public.
//!
//! - [`span`]: ranges of log indexes, and the rule that a log has no hole.
//! - [`entry_stream`]: entries of a range, read a chunk at a time, as openraft's readers return them.
//! - [`lock`](mod@lock): one way to lock a mutex.
//! - [`error_chain`](mod@error_chain): an error and its sources in one line.

pub(crate) mod entry_stream;
pub(crate) mod error_chain;
pub(crate) mod lock;
pub(crate) mod span;
