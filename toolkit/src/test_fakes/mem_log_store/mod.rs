//! openraft's log storage in memory, whose calls fail, take time or wait when a test wants it.
//!
//! This folder owns what a log store promises about durability, without a disk: which writes are in memory, which are
//! durable, and when the callback of an append runs. What a log holds at one moment is in `log_image`, which the
//! conformance tests share; how a test makes a call fail is in `call_faults`.
//!
//! A call passes its faults in `store`, and then changes or reads the `Log`. The callback of an append runs when the
//! call `Callback` has passed its faults, in a task of its own if it has to wait.
//!
//! The files, from the entrance down. Each imports only files below it.
//!
//! - `store`: `MemLogStore`, with openraft's traits.
//! - `log`: which writes are in memory, and which are durable.
//! - `call`: `LogStoreCall`, the calls that a test can make fail.

mod call;
mod log;
mod store;

pub use call::LogStoreCall;
pub use store::MemLogStore;
