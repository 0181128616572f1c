//! openraft's log storage on RocksDB: a write is durable before it is acknowledged, and does not block the runtime.
//!
//! - [`open_db`] opens a database for raft logs alone, and [`open_db_with`] one that is shared with a state machine.
//! - [`RocksdbLogStore::open`] opens a raft group in it. [`close`](close()) ends all groups of a database.
//! - A [`KeySpace`] defines the keys of a group: [`Flat`] or [`GroupPrefixed`].
//! - [`groups`](groups()), [`stored_entries`], [`verify`](verify()) and [`RocksdbLogStore::destroy`] are for operators.
//!   The first three can also be used while a node has the database open: see [`open_db_read_only`]. So can
//!   [`checkpoint`](checkpoint()), which copies the database. [`accept_loss`] is the last resort for a damaged one.
//!
//! # The write path
//!
//! All groups of a database share one queue and one thread. `append` waits until the queue has room, puts the encoded
//! entries into the queue and into memory, where they can be read at once, and returns. The thread takes what is
//! queued, up to a limit, as one batch, writes it to RocksDB with a sync, and calls the callbacks. It omits the sync if
//! the batch has no callbacks. While one batch is synced, the next one gathers: the busier the node, the more appends
//! share a sync. If more is queued than one batch takes, a group that has nothing queued joins the next batch, so that
//! a busy group does not delay the votes of the others: see [`StoreOptions::queue_bytes`].
//!
//! After a synced batch, the thread briefly waits for the next appends of the callers whose callbacks it has just
//! called, so that these appends go into one batch. It waits at most as long as the sync took, and never longer than
//! 200 µs. If such waits bring nothing, it waits after fewer batches.
//!
//! `save_vote` and `truncate_after` put their operations into the same queue, and return once these are durable.
//! `save_committed`, and a `purge` that leaves the last log id as it is, take effect in memory at once, and are written
//! in the order of the calls on the group. They become durable together with what the group syncs next, so that a crash
//! before that sync may undo them. openraft makes up for what was undone if it is configured as [`durability`] demands.
//!
//! A vote must be durable before openraft continues, as in every Raft. So must two changes of the log:
//!
//! - A truncation. After it, openraft appends other entries or installs a snapshot, and may apply them before the log
//!   is synced. If a crash then brought the old entries back, they would contradict the state machine, and the node
//!   could not start.
//! - A purge past the last entry, which openraft makes after it has installed a snapshot. If the old entries came back,
//!   and were of a later term than the snapshot's last entry, openraft would keep them, and no entry after the snapshot
//!   could follow them.
//!
//! # What was acknowledged
//!
//! RocksDB treats some damage as the regular end of a file: a damaged length in the WAL, a WAL or MANIFEST that is cut
//! short, and pages of zeros. RocksDB drops everything after that point. So the store records how far the files are
//! durable, both in the WAL and in the file `RAFT_SYNCED` in the directory of the database. Before RocksDB opens the
//! database, [`recover`] compares the files with what the store recorded. [`open_db`] calls [`recover`] itself.
//!
//! [`durability`] states the promise in full, and its limits. [`options`](mod@options) says which of RocksDB's options
//! are safe, and [`performance`] what bounds the speed, and which options to set.
//!
//! # The bytes
//!
//! | column family | key | value |
//! |---|---|---|
//! | log | [`KeySpace::log_key`] | the frame of an entry |
//! | meta | [`KeySpace::meta_key`] | the frame of the vote, the committed log id or the last purged log id |
//!
//! A frame is `[version: u8 = 1 | bincode 2 body]`: see [`codec`](crate::codec).

// The map. Each part uses only parts below it.
//
// store          openraft's two traits, on a group
// inspect/       what operators ask: groups, entries, verify
// checkpoint     a copy of a running database
// group/         one raft group in memory, and all changes to it
// stored_groups  which groups are stored, and whether their keys overlap
// group_columns  a group's keys in its two column families
// writer/        one queue and one thread for each database
// open           opening a database, and its options
// open_read_only opening a database beside a running node
// synced/        what is durable, and recovery
// wal/           RocksDB's own bytes
// encoded        one encoded record
// store_options  what all stores of a database share
// key_space, error
//
// An append goes store -> group -> writer -> synced -> wal; its callback comes back from writer/thread.

#[doc = include_str!("../../docs/durability.md")]
pub mod durability {}

#[doc = include_str!("../../docs/options.md")]
pub mod options {}

#[doc = include_str!("../../docs/performance.md")]
pub mod performance {}

mod checkpoint;
mod encoded;
mod error;
mod group;
mod group_columns;
mod inspect;
mod key_space;
mod open;
mod open_read_only;
mod store;
mod store_options;
mod stored_groups;
mod synced;
mod wal;
mod writer;

pub use checkpoint::checkpoint;
pub use error::{RecordId, RocksdbLogStoreError};
pub use inspect::{Problem, StoredGroup, StoredState, VerifiedGroup, groups, stored_entries, verify};
pub use key_space::{Flat, GroupPrefixed, KeySpace, MetaLabel};
pub use open::{LOG_CF, LogDbOptions, META_CF, db_options, log_cf_options, meta_cf_options, open_db, open_db_with};
pub use open_read_only::open_db_read_only;
pub use store::RocksdbLogStore;
pub use store_options::StoreOptions;
pub use stored_groups::GroupKeys;
pub use synced::accept_loss::{AcceptedLoss, accept_loss};
pub use synced::recover::recover;
pub use writer::close;
