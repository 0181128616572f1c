use std::fmt;
use std::io;
use std::sync::Arc;

use openraft::alias::{LogIdOf, VoteOf};
use openraft::async_runtime::OneshotSender;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftTypeConfig};
use rocksdb::DB;

use super::group::Group;
use super::record::Place;
use super::writer::Done;
use super::{KeySpace, RecordId, RocksdbLogStoreError};
use crate::codec::WriteVersion;

/// The capacity that the buffer for encoding keeps from one append to the next.
const SCRATCH_BYTES: usize = 64 << 10;

/// openraft's log storage on RocksDB, for one raft group.
///
/// `C` is the type config, `K` says where the group's keys lie: [`Flat`](super::Flat) for a
/// database with one group, [`GroupPrefixed`](super::GroupPrefixed) for many groups in the same
/// column families.
///
/// It is both the [`RaftLogStorage`] that `Raft::new` takes and its
/// [`RaftLogReader`](openraft::storage::RaftLogReader). A clone is another handle on the same group.
///
/// # What holds
///
/// - A vote is synced when `save_vote` returns, a truncation when `truncate_after` returns, an
///   append when its callback runs. `append` itself never waits for the disk, only for room when
///   32 MiB are queued, and no write blocks the thread that it is called on.
/// - The newest entries are read from memory, older ones from RocksDB, on the thread that reads.
/// - Once a write has failed, no write of any group in that database succeeds until it is
///   reopened.
/// - All groups of a database share one queue, one thread and its fsyncs, so that they must be
///   opened on the same `Arc<DB>`.
/// - Dropping the last handle of the last group writes out the queue, which can block for the
///   length of an fsync. When the user's own `Arc<DB>` is gone too, the database is closed, and its
///   path can be opened again at once.
///
/// # Example
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
    pub(super) group: Arc<Group<C, K>>,
    scratch: Scratch<C>,
    level: Option<WriteVersion>,
}

/// Where entries are encoded, outside any lock; kept for its capacity.
struct Scratch<C: RaftTypeConfig> {
    bytes: Vec<u8>,
    /// Where each of them lies.
    entries: Vec<(LogIdOf<C>, Place)>,
}

impl<C: RaftTypeConfig> Default for Scratch<C> {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<C: RaftTypeConfig, K: KeySpace> RocksdbLogStore<C, K> {
    /// Opens the log of the group whose keys are `keys`, in the column families `log_cf` and
    /// `meta_cf` of `db`; a group that is not there yet starts out blank.
    ///
    /// Open `db` with [`open_db`](super::open_db), or with [`db_options`](super::db_options) and
    /// the column families' options.
    ///
    /// Reads from the disk, and waits for what an earlier store of the group left in the queue: in
    /// async code that must not block, call it from a blocking task.
    ///
    /// # Errors
    ///
    /// - [`MissingColumnFamily`](RocksdbLogStoreError::MissingColumnFamily) when `db` lacks one of
    ///   the two, and [`SharedColumnFamily`](RocksdbLogStoreError::SharedColumnFamily) when both
    ///   are the same.
    /// - [`AlreadyOpen`](RocksdbLogStoreError::AlreadyOpen) when the group is open already, or
    ///   another group has its log or meta keys.
    /// - [`InUse`](RocksdbLogStoreError::InUse) when another process has log stores open in the
    ///   database, and [`BehindSynced`](RocksdbLogStoreError::BehindSynced) when the database lacks
    ///   what they acknowledged.
    /// - [`Io`](RocksdbLogStoreError::Io) when the account of what is synced cannot be written.
    /// - [`MissingEntry`](RocksdbLogStoreError::MissingEntry),
    ///   [`Corrupt`](RocksdbLogStoreError::Corrupt) and the like when what is stored is damaged.
    pub fn open(
        db: Arc<DB>,
        log_cf: impl Into<String>,
        meta_cf: impl Into<String>,
        keys: K,
    ) -> Result<Self, RocksdbLogStoreError> {
        let group = Group::open(db, log_cf.into(), meta_cf.into(), keys)?;
        Ok(Self {
            group: Arc::new(group),
            scratch: Scratch::default(),
            level: None,
        })
    }

    /// Writes entries at `level`, which may be raised meanwhile; without one, at the newest version.
    ///
    /// This is for entries whose application data is a `#[wire(serde)]` message, or holds some. Each
    /// is encoded in [`WriteVersion::scope`]. One that the level has no place for is thus written at
    /// the lowest version that has, because the cluster may have agreed on it before this node has
    /// raised its level. Entries that are stored already stay as they are.
    ///
    /// Clones and readers that are made of this store write at the same level.
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
    /// // What the state machine has stored, or the oldest level that there is.
    /// let level = WriteVersion::new(1);
    /// let log = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, Flat)?.with_write_version(level.clone());
    /// // Entries are written at version 1, until the command that raises the level is applied:
    /// level.raise(2)?;
    /// # drop(log);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_write_version(mut self, level: WriteVersion) -> Self {
        self.level = Some(level);
        self
    }

    /// Removes the log and the meta records of a group in one step, which is synced when this
    /// returns, and gives their space back to the file system. For a group that has left this node:
    /// a voter that comes back without what it acknowledged can lose data of the cluster.
    ///
    /// Compacts the group's range of the log, and waits for it: in async code that must not block, call
    /// it from a blocking task.
    ///
    /// # Errors
    ///
    /// [`AlreadyOpen`](RocksdbLogStoreError::AlreadyOpen) as long as a store or a reader of the group is
    /// there, and otherwise as [`open`](Self::open), except that what is stored may be damaged.
    ///
    /// # Example
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

    /// Encodes `entries` into the scratch.
    fn encode(&mut self, entries: impl IntoIterator<Item = C::Entry>) -> Result<(), RocksdbLogStoreError> {
        let Self { group, scratch, level } = self;
        scratch.bytes.clear();
        scratch.entries.clear();
        let mut encode = |entry: C::Entry| {
            let log_id = entry.log_id();
            let record = RecordId::Entry(log_id.index);
            let place = group.records().encode(record, &entry, &mut scratch.bytes)?;
            scratch.entries.push((log_id, place));
            Ok(())
        };
        entries.into_iter().try_for_each(|entry| match level {
            Some(level) => level.scope(|| encode(entry)),
            None => encode(entry),
        })
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Clone for RocksdbLogStore<C, K> {
    fn clone(&self) -> Self {
        Self {
            group: self.group.clone(),
            scratch: Scratch::default(),
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
            last_purged_log_id: state.purged.clone(),
            last_log_id: state.last.clone(),
        }))
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        synced::<C>(|done| self.group.save_vote(vote, done)).await
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
        self.group.ready().await?;
        self.encode(entries)?;
        let bytes = Arc::from(self.scratch.bytes.as_slice());
        self.group.append(&bytes, &self.scratch.entries, move |result| {
            callback.io_completed(result.map_err(io::Error::from));
        })?;
        // One huge entry must not cost every group as much for ever.
        self.scratch.bytes.shrink_to(SCRATCH_BYTES);
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        synced::<C>(|done| self.group.truncate_after(last_log_id, done)).await
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        Ok(self.group.purge(log_id)?)
    }
}

/// Waits until what `queue` leaves in the queue is synced.
async fn synced<C: RaftTypeConfig>(
    queue: impl FnOnce(Done) -> Result<(), RocksdbLogStoreError>,
) -> Result<(), io::Error> {
    let (tx, rx) = C::oneshot();
    queue(Box::new(move |outcome| drop(tx.send(outcome))))?;
    rx.await.map_err(|_| RocksdbLogStoreError::WriterStopped)??;
    Ok(())
}
