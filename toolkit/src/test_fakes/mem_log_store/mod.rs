//! openraft's log storage in memory, whose calls fail, take time or wait when a test wants it.
//!
//! This folder simulates the durability of a log store without a disk: which writes are in memory, which are durable,
//! and when the callback of an append runs. `log_image`, which the conformance tests share, represents what a log holds
//! at one moment. `call_faults` makes calls fail.
//!
//! `store` first applies the faults of a call, and then changes or reads the `Log`. The sync and callback of an append
//! are a call of their own (`LogStoreCall::Callback`). If a fault delays or holds that call, a separate task waits for
//! it, and `append` returns without waiting.
//!
//! The files, from the public entry point down. Each imports only files below it.
//!
//! - `store`: `MemLogStore`, with openraft's traits.
//! - `log`: which writes are in memory, and which are durable.
//! - `call`: `LogStoreCall`, the calls that a test can make fail, delay or hold.

mod call;
mod log;
mod store;

pub use call::LogStoreCall;
pub use store::MemLogStore;
