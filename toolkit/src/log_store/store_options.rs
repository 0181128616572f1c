//! The options that all log stores of a database share.

use std::fmt::Display;

use super::error::RocksdbLogStoreError;

/// The default of [`StoreOptions::queue_bytes`].
const DEFAULT_QUEUE: usize = 32 << 20;

/// The default of [`StoreOptions::tail_bytes`].
const DEFAULT_TAILS: usize = 32 << 20;

/// How [`RocksdbLogStore::open_with`](super::RocksdbLogStore::open_with) opens a log store.
///
/// All log stores of a database share one queue and one writer, so these options belong to the database. The first
/// store that is opened on an `Arc<DB>` decides: an option that it does not set has its default. Later stores use the
/// same values. A later store may leave an option unset or set the same value; another value is a
/// [`ConflictingOptions`](RocksdbLogStoreError::ConflictingOptions). Once all stores of the database are dropped, the
/// next store decides again.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::StoreOptions;
///
/// // For a machine with little memory:
/// let options = StoreOptions::default().queue_bytes(8 << 20).tail_bytes(4 << 20);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StoreOptions {
    /// See the setter [`queue_bytes`](StoreOptions::queue_bytes()).
    pub queue_bytes: Option<usize>,
    /// See the setter [`tail_bytes`](StoreOptions::tail_bytes()).
    pub tail_bytes: Option<usize>,
    /// See the setter
    /// [`lose_data_on_power_failure_for_tests`](StoreOptions::lose_data_on_power_failure_for_tests()).
    pub lose_data_on_power_failure_for_tests: Option<bool>,
}

impl StoreOptions {
    /// Sets how many bytes of encoded entries may be queued or being written, over all groups of the database; default
    /// 32 MiB.
    ///
    /// An append that does not fit waits, and appends are admitted in the order in which they came. An append that is
    /// larger than this limit is admitted alone, once no other append is queued or being written. Votes, truncations,
    /// purges and `save_committed` are small: they do not count, and never wait for room.
    ///
    /// The writer writes about an eighth of the queue at once. A vote, and an append of a group that has nothing
    /// queued, join the batch that is written next, so a busy group delays another group by about two such batches. If
    /// a sync takes long, a larger queue lets more bytes share a sync.
    ///
    /// # Memory
    ///
    /// Queued entries are in memory twice: in the queue, whose buffers may have twice the capacity that they use, and
    /// encoded in the tails of their groups, from which they are read. The batch that is being written is copied once
    /// more for RocksDB. So a full queue takes up to three times `queue_bytes`, and two eighths more for the batch that
    /// is being written. The tails keep entries after that: see [`tail_bytes`](Self::tail_bytes()).
    ///
    /// An append that waits holds the entries that it was called with. Only the append that is admitted next, and at
    /// most one append for each thread on which appends run, have encoded their entries already.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = Some(bytes);
        self
    }

    /// Sets how many bytes of entries that RocksDB already has are kept in memory for reading, over all groups of the
    /// database; default 32 MiB.
    ///
    /// Each group has an equal share of these bytes, which is halved each time that the number of open groups has
    /// doubled. Entries that RocksDB does not have yet are kept in addition: see
    /// [`queue_bytes`](Self::queue_bytes()). With 0, all entries that RocksDB has are read from RocksDB.
    #[must_use]
    pub fn tail_bytes(mut self, bytes: usize) -> Self {
        self.tail_bytes = Some(bytes);
        self
    }

    /// **For tests only.** With `true`, nothing is synced: a power failure or a crash of the kernel loses
    /// acknowledged votes and entries. A node that has forgotten its vote can elect two leaders in one term, and a
    /// cluster can lose committed data. Default `false`.
    ///
    /// Tests on a slow disk are faster with this. Everything else is as without it: operations go through the same
    /// queue and the WAL, and callbacks run after the write, so that a killed process loses nothing.
    ///
    /// The file `RAFT_SYNCED` then records nothing that is not durable. After a power failure the database opens
    /// without an error, although it lacks acknowledged writes.
    #[must_use]
    pub fn lose_data_on_power_failure_for_tests(mut self, lose: bool) -> Self {
        self.lose_data_on_power_failure_for_tests = Some(lose);
        self
    }
}

/// The options of a writer: [`StoreOptions`] with a value for each option.
pub(super) struct WriterOptions {
    pub(super) queue_bytes: usize,
    pub(super) tail_bytes: usize,
    /// Whether batches with callbacks are synced.
    pub(super) sync: bool,
}

impl WriterOptions {
    /// Returns the options of the first store, with the defaults for what it does not set.
    pub(super) fn new(asked: &StoreOptions) -> Self {
        Self {
            queue_bytes: asked.queue_bytes.unwrap_or(DEFAULT_QUEUE),
            tail_bytes: asked.tail_bytes.unwrap_or(DEFAULT_TAILS),
            sync: !asked.lose_data_on_power_failure_for_tests.unwrap_or(false),
        }
    }

    /// Checks the options of a later store.
    ///
    /// # Errors
    ///
    /// [`ConflictingOptions`](RocksdbLogStoreError::ConflictingOptions) if the store sets another value than the one in
    /// use.
    pub(super) fn check(&self, asked: &StoreOptions) -> Result<(), RocksdbLogStoreError> {
        check_same("queue_bytes", self.queue_bytes, asked.queue_bytes)?;
        check_same("tail_bytes", self.tail_bytes, asked.tail_bytes)?;
        check_same(
            "lose_data_on_power_failure_for_tests",
            !self.sync,
            asked.lose_data_on_power_failure_for_tests,
        )
    }
}

fn check_same<T: PartialEq + Display>(
    option: &'static str,
    in_use: T,
    asked: Option<T>,
) -> Result<(), RocksdbLogStoreError> {
    match asked {
        Some(asked) if asked != in_use => Err(RocksdbLogStoreError::ConflictingOptions {
            option,
            in_use: in_use.to_string(),
            asked: asked.to_string(),
        }),
        _ => Ok(()),
    }
}
