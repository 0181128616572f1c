//! openraft's log storage on RocksDB: durable before it is acknowledged, and never in the way of
//! the runtime.
//!
//! - [`open_db`] opens a database, [`RocksdbLogStore::open`] a raft group in it.
//! - A [`KeySpace`] says where a group's keys lie: [`Flat`] or [`GroupPrefixed`].
//! - [`groups`](groups()), [`stored_entries`], [`verify`](verify()) and [`RocksdbLogStore::destroy`] are for
//!   operators, the first three also beside a running node: see [`open_db_read_only`].
//!
//! # The write path
//!
//! All groups of a database share one queue and one thread. `append` leaves the encoded entries in
//! the queue and in memory, from where they can be read at once, and returns. The thread takes
//! all that is queued as one `WriteBatch`, syncs it to the WAL, and calls the callbacks. While
//! one sync is in flight, the next batch gathers: the more there is to do, the more shares a sync. Those who
//! were told may come back before the next batch is taken, for as long as a sync takes and at most 200 µs.
//!
//! `save_vote` and `truncate_after` wait in the same queue until they are synced. `purge` and
//! `save_committed` take effect in memory at once and are written in the order of the queue. They
//! are durable together with what is synced next; until then a crash may undo them, which openraft
//! makes good when it starts.
//!
//! It would not make good an undone truncation: openraft installs a snapshot, or applies what was
//! appended instead, without waiting for the log's syncs. After a crash the old entries would
//! contradict the state machine, and the node could not start.
//!
//! # What was acknowledged
//!
//! RocksDB takes a damaged length in its WAL, a WAL or MANIFEST that is cut short, and pages of zeros
//! for the end of what was written, and drops what lies behind. So the store keeps account of what is
//! synced, in the WAL and in the file `RAFT_SYNCED` beside it, and [`recover`] checks it before
//! RocksDB opens the database. [`open_db`] does that by itself.
//!
//! [`durability`] states the promise in full, and its limits; [`performance`] what bounds the speed, and what to
//! set.
//!
//! # The bytes
//!
//! | column family | key | value |
//! |---|---|---|
//! | log | [`KeySpace::log_key`] | frame of the entry |
//! | meta | [`KeySpace::meta_key`] | frame of the vote or log id |
//!
//! A frame is `[version: u8 = 1 | bincode 2 body]`, see [`codec`](crate::codec).

#[doc = include_str!("../../docs/durability.md")]
pub mod durability {}

#[doc = include_str!("../../docs/performance.md")]
pub mod performance {}

mod batch;
mod error;
mod group;
mod groups;
mod key_space;
mod options;
mod reader;
mod record;
mod records;
mod recover;
mod scan;
mod store;
mod synced;
mod tail;
mod verify;
mod weak_options;
mod writer;

pub use error::{RecordId, RocksdbLogStoreError};
pub use groups::{GroupKeys, StoredGroup, StoredState, groups, stored_entries};
pub use key_space::{Flat, GroupPrefixed, KeySpace, MetaLabel};
pub use options::{
    LOG_CF, LogDbOptions, META_CF, db_options, log_cf_options, meta_cf_options, open_db, open_db_read_only,
};
pub use recover::recover;
pub use store::RocksdbLogStore;
pub use verify::{Problem, VerifiedGroup, verify};
