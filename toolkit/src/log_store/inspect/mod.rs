//! What operators ask of a database, beside a running node or on any other database.
//!
//! Everything here reads RocksDB directly. It sees neither the queue nor the memory of a running store, and changes
//! nothing.
//!
//! - [`groups`](mod@groups): which groups there are, what is stored of each, and their entries.
//! - [`verify`](mod@verify): everything that is wrong with a group.

mod groups;
mod verify;

pub use groups::{GroupKeys, StoredGroup, StoredState, groups, stored_entries};
pub use verify::{Problem, VerifiedGroup, verify};
