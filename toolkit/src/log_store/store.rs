//! [`RocksdbLogStore`], and openraft's two storage traits on it. The methods forward to
//! [`Group`](super::group::Group).

use std::fmt::{self, Debug};
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use futures_util::{Stream, stream};
use openraft::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft::async_runtime::OneshotSender;
use openraft::storage::{IOFlushed, LeaderBoundedStreamError, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftTypeConfig};
use rocksdb::DB;

use super::error::RocksdbLogStoreError;
use super::group::Group;
use super::key_space::KeySpace;
use super::store_options::StoreOptions;
use super::writer::queue::Callback;
use crate::codec::WriteVersion;
use crate::support::entry_stream::{Entries, EntrySource, LeaderBounded, READ_BYTES};
use crate::support::span::Span;

/// openraft's log storage on RocksDB, for one raft group.
///
/// `C` is the type config. `K` defines the keys of the group: [`Flat`](super::Flat) for a database with one group,
/// [`GroupPrefixed`](super::GroupPrefixed) for many groups in the same column families.
///
/// The store is both the [`RaftLogStorage`] that `Raft::new` takes and its [`RaftLogReader`]. A clone is another
/// handle on the same group.
///
/// # What holds
///
/// - A vote is durable when `save_vote` returns, a truncation when `truncate_after` returns, and an append when its
///   callback runs. A purge past the last entry is durable when `purge` returns. Any other purge becomes durable
///   together with what the group syncs next.
/// - No write blocks the thread that calls it. `append` does not wait for its own sync. If its entries do not fit into
///   the queue, its future waits for room: see [`StoreOptions::queue_bytes`]. Dropping that future appends nothing.
/// - The newest entries are read from memory. Older entries are read from RocksDB, which blocks the thread that reads.
/// - Once a write has failed, no write of any group in that database succeeds until the database is reopened. On the
///   same `Arc<DB>`, new stores are refused too.
/// - All groups of a database share one queue and one thread, which syncs for all of them. So they must be opened on
///   the same `Arc<DB>`.
/// - Dropping the last handle of the last group blocks until the queue is written. At worst, the disk must take all of
///   [`StoreOptions::queue_bytes`], or one larger append, and RocksDB may stall these writes while it flushes and
///   compacts: seconds on a slow disk. In async code, await [`close`](super::close()) first.
/// - Once all stores and your own `Arc<DB>` are dropped, the database is closed, and its path can be opened again at
///   once.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
///
/// openraft_toolkit::declare_raft_types_ext! {
///     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let db = open_db(dir.path(), LogDbOptions::default())?;
/// let one = RocksdbLogStore::<Types, _>::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(1))?;
/// let two = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, GroupPrefixed::new(2))?;
/// # Ok(())
/// # }
/// ```
pub struct RocksdbLogStore<C: RaftTypeConfig, K: KeySpace> {
    group: Arc<Group<C, K>>,
    level: Option<WriteVersion>,
}

impl<C: RaftTypeConfig, K: KeySpace> RocksdbLogStore<C, K> {
    /// Opens the log of the group whose keys are `keys`, in the column families `log_cf` and `meta_cf` of `db`. A
    /// group that is not stored yet starts out blank.
    ///
    /// Open `db` with [`open_db`](super::open_db). If a state machine shares the database, use
    /// [`open_db_with`](super::open_db_with).
    ///
    /// This reads from the disk, and waits for what an earlier store of the group left in the queue. In async code that
    /// must not block, call it from a blocking task.
    ///
    /// # Errors
    ///
    /// - [`MissingColumnFamily`](RocksdbLogStoreError::MissingColumnFamily) if `db` lacks `log_cf` or `meta_cf`, and
    ///   [`SharedColumnFamily`](RocksdbLogStoreError::SharedColumnFamily) if both names are the same.
    /// - [`AlreadyOpen`](RocksdbLogStoreError::AlreadyOpen) if the group is open already.
    /// - [`Overlaps`](RocksdbLogStoreError::Overlaps) if the keys of another group overlap those of this one, and that
    ///   group is open, was written by this process, or is stored and has the keys of [`Flat`](super::Flat) or
    ///   [`GroupPrefixed`](super::GroupPrefixed).
    /// - [`InUse`](RocksdbLogStoreError::InUse) if log stores are open in the database's directory, either in another
    ///   process, or in this process on another `DB`.
    /// - [`BehindSynced`](RocksdbLogStoreError::BehindSynced) if the database lacks writes that a log store
    ///   acknowledged.
    /// - [`UnsafeOption`](RocksdbLogStoreError::UnsafeOption) if the database, or one of the two column families, was
    ///   opened with an option that breaks the log: see [`options`](mod@super::options).
    /// - [`Io`](RocksdbLogStoreError::Io) if the file `RAFT_SYNCED`, which records what is durable, cannot be read or
    ///   written.
    /// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot read the group's records, or cannot write.
    /// - [`Thread`](RocksdbLogStoreError::Thread) if the writer's thread cannot be started.
    /// - [`WriteFailed`](RocksdbLogStoreError::WriteFailed) if a write of log stores on this `Arc<DB>` has failed, even
    ///   if these stores are dropped.
    /// - [`Closed`](RocksdbLogStoreError::Closed) if [`close`](super::close()) was called, and a store that was open
    ///   then is not dropped yet.
    /// - [`MissingEntry`](RocksdbLogStoreError::MissingEntry) if the log does not start right after the last purged
    ///   entry.
    /// - [`Corrupt`](RocksdbLogStoreError::Corrupt) if a meta record, the first or the last entry cannot be decoded.
    /// - [`Misplaced`](RocksdbLogStoreError::Misplaced) if the first or the last entry is stored under the key of
    ///   another index, and [`ForeignKey`](RocksdbLogStoreError::ForeignKey) if its key is not a log key of the group.
    pub fn open(
        db: Arc<DB>,
        log_cf: impl Into<String>,
        meta_cf: impl Into<String>,
        keys: K,
    ) -> Result<Self, RocksdbLogStoreError> {
        Self::open_with(db, log_cf, meta_cf, keys, StoreOptions::default())
    }

    /// Opens a log as [`open`](Self::open) does, with options of the writer that all log stores of the database share.
    ///
    /// # Errors
    ///
    /// - [`ConflictingOptions`](RocksdbLogStoreError::ConflictingOptions) if `options` sets an option to another value
    ///   than the log stores of `db` that are open already.
    /// - The errors of [`open`](Self::open).
    ///
    /// # Examples
    ///
    /// ```
    /// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
    /// use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, StoreOptions, open_db};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let db = open_db(dir.path(), LogDbOptions::default())?;
    /// let options = StoreOptions::default().queue_bytes(8 << 20);
    /// let log = RocksdbLogStore::<Types, _>::open_with(db, LOG_CF, META_CF, Flat, options)?;
    /// # drop(log);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_with(
        db: Arc<DB>,
        log_cf: impl Into<String>,
        meta_cf: impl Into<String>,
        keys: K,
        options: StoreOptions,
    ) -> Result<Self, RocksdbLogStoreError> {
        let group = Group::open(db, log_cf.into(), meta_cf.into(), keys, &options)?;
        Ok(Self {
            group: Arc::new(group),
            level: None,
        })
    }

    /// Sets the level at which the returned store writes entries. Without a level, a store writes entries at the newest
    /// version of their types.
    ///
    /// This is for entries whose application data is a `#[wire(serde)]` message, or contains such messages. Each entry
    /// is encoded in [`WriteVersion::scope`], so that raising `level` later takes effect at once. A message that cannot
    /// be represented at `level` is written at the lowest version that can hold it, because the cluster may have agreed
    /// on it before this node has raised its level. Entries that are stored already stay as they are.
    ///
    /// Clones of the returned store write at the same level. Clones that were made before keep their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fmt;
    ///
    /// use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
    /// use openraft_toolkit::{WireMessage, WriteVersion};
    ///
    /// #[derive(Debug, WireMessage)]
    /// #[wire(version = 2, min_version = 1, serde)]
    /// pub struct Put {
    ///     key: String,
    ///     #[wire(since = 2)]
    ///     lease: Option<u64>,
    /// }
    ///
    /// impl fmt::Display for Put {
    ///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         write!(f, "put {:?}", self.key)
    ///     }
    /// }
    ///
    /// openraft_toolkit::declare_raft_types_ext! {
    ///     pub Types: Node = (), AppData = Put, AppDataResponse = ()
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let db = open_db(dir.path(), LogDbOptions::default())?;
    /// // The level that the state machine has stored, or else the oldest one.
    /// let level = WriteVersion::new(1);
    /// let log = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, Flat)?.with_write_version(level.clone());
    /// // Entries are written at version 1 until the command that raises the level is applied:
    /// level.raise(2)?;
    /// # drop(log);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_write_version(mut self, level: WriteVersion) -> Self {
        self.level = Some(level);
        self
    }

    /// Removes the log and the meta records of a group in one step, and gives their space back to the file system. The
    /// removal is durable when this returns.
    ///
    /// Call this only once this node is no longer a member of the group. A voter that comes back without the votes and
    /// entries that it acknowledged can make the group lose acknowledged writes.
    ///
    /// This compacts the group's range of the log and waits for the compaction. In async code that must not block, call
    /// it from a blocking task.
    ///
    /// # Errors
    ///
    /// - [`AlreadyOpen`](RocksdbLogStoreError::AlreadyOpen) while a store or a reader of the group exists.
    /// - [`Overlaps`](RocksdbLogStoreError::Overlaps) as in [`open`](Self::open), with one exception: a stored
    ///   [`Flat`](super::Flat) does not keep a [`GroupPrefixed`](super::GroupPrefixed) from being destroyed, because no
    ///   key of `Flat` lies in the range of the other.
    /// - The other errors of [`open`](Self::open), except `MissingEntry`, `Corrupt`, `Misplaced` and `ForeignKey`,
    ///   because this function does not read the records.
    ///
    /// # Examples
    ///
    /// ```
    /// # openraft_toolkit::declare_raft_types_ext! { Types: Node = (), AppData = String, AppDataResponse = () }
    /// use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let db = open_db(dir.path(), LogDbOptions::default())?;
    /// RocksdbLogStore::<Types, _>::destroy(db, LOG_CF, META_CF, GroupPrefixed::new(7))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn destroy(
        db: Arc<DB>,
        log_cf: impl Into<String>,
        meta_cf: impl Into<String>,
        keys: K,
    ) -> Result<(), RocksdbLogStoreError> {
        Group::<C, K>::destroy(db, log_cf.into(), meta_cf.into(), keys)
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Clone for RocksdbLogStore<C, K> {
    fn clone(&self) -> Self {
        Self {
            group: self.group.clone(),
            level: self.level.clone(),
        }
    }
}

impl<C: RaftTypeConfig, K: KeySpace> fmt::Debug for RocksdbLogStore<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksdbLogStore")
            .field("keys", self.group.keys())
            .finish_non_exhaustive()
    }
}

impl<C: RaftTypeConfig, K: KeySpace> RaftLogStorage<C> for RocksdbLogStore<C, K> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        Ok(self.group.with_state(|state| LogState {
            last_purged_log_id: state.purged().cloned(),
            last_log_id: state.last().cloned(),
        }))
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        durable::<C>(|done| self.group.save_vote(vote, done)).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        Ok(self.group.save_committed(committed)?)
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        Ok(self.group.with_state(|state| state.committed.clone()))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let done = |result: Result<(), _>| callback.io_completed(result.map_err(io::Error::from));
        Ok(self.group.append(entries, self.level.as_ref(), done).await?)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        durable::<C>(|done| self.group.truncate_after(last_log_id, done)).await
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        if self.group.with_state(|state| state.ends_elsewhere(&log_id)) {
            durable::<C>(|done| self.group.purge(log_id, Some(done))).await
        } else {
            Ok(self.group.purge(log_id, None)?)
        }
    }
}

/// Calls `push` with a callback, and waits until the operations that `push` queues with that callback are durable.
async fn durable<C: RaftTypeConfig>(
    push: impl FnOnce(Callback) -> Result<(), RocksdbLogStoreError>,
) -> Result<(), io::Error> {
    let (tx, rx) = C::oneshot();
    push(Box::new(move |outcome| drop(tx.send(outcome))))?;
    rx.await.map_err(|_| RocksdbLogStoreError::WriterStopped)??;
    Ok(())
}

impl<C: RaftTypeConfig, K: KeySpace> RaftLogReader<C> for RocksdbLogStore<C, K> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<C::Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        match Span::of(&range) {
            None => Ok(Vec::new()),
            Some(span) => Ok(self.group.read(span, usize::MAX)?),
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        match Span::of(&(start..end)) {
            None => Ok(Vec::new()),
            Some(span) => Ok(self.group.read(span, READ_BYTES)?),
        }
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        Ok(self.group.with_state(|state| state.vote.clone()))
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        stream::iter(Entries::new(self.group.clone(), &range))
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderIdOf<C>,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, LeaderBoundedStreamError<C>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        stream::iter(LeaderBounded::new(leader, Entries::new(self.group.clone(), &range)))
    }
}
