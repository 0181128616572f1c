//! Read-only tools for operators. They work on any open database, and with
//! [`open_db_read_only`](super::open_db_read_only) also beside a node that has the database open.
//!
//! The functions read RocksDB directly. They see neither the queue nor the memory of a running store.
//!
//! - [`groups`](mod@groups): which groups there are, what is stored of each, and their entries.
//! - [`verify`](mod@verify): everything that is wrong with a group.

mod groups;
mod verify;

pub use groups::{StoredGroup, StoredState, groups, stored_entries};
pub use verify::{Problem, VerifiedGroup, verify};
