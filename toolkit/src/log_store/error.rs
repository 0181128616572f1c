//! The errors of the log store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use super::key_space::MetaLabel;
use crate::codec::CodecError;

/// What an operator can do about a database that lacks acknowledged writes.
const WHAT_TO_DO: &str = "put the files back as they were, or remove the node from the cluster and let it join again \
                          under a new node id with an empty directory; log_store::accept_loss is the last resort";

/// Why the log store could not open, read or write.
///
/// The methods of openraft's storage traits return an `io::Error`, which contains the store's own error:
///
/// ```
/// use openraft_toolkit::RocksdbLogStoreError;
///
/// fn log_store_error(e: &std::io::Error) -> Option<&RocksdbLogStoreError> {
///     e.get_ref()?.downcast_ref()
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RocksdbLogStoreError {
    /// The database has no column family of this name. Create it when opening the database, or
    /// let [`open_db`](super::open_db) open it.
    #[error("the database has no column family {0:?}: create it when opening the database")]
    MissingColumnFamily(String),

    /// The same column family was named for the log and for the meta records. Name two, because log keys and meta keys
    /// would mix in one.
    #[error("the log and the meta records cannot share the column family {0:?}: name two")]
    SharedColumnFamily(String),

    /// A store of this group, or of a group with the same name and the same log or meta keys, is open already.
    ///
    /// A group can be opened again once its store and all its readers are dropped. A running `Raft` keeps both until
    /// its shutdown is complete.
    #[error("{group} is open already: drop its other log store and readers first")]
    AlreadyOpen {
        /// The key space of the group.
        group: String,
    },

    /// The keys of this group overlap those of another group, which is open or stored in the same column families: a
    /// purge of one group would delete entries of the other. Nothing was changed.
    ///
    /// Open the two groups in column families of their own. [`Flat`](super::Flat) needs both column families for
    /// itself.
    ///
    /// If both groups are stored in the same column families already, one of them may have deleted entries of the
    /// other: [`verify`](super::verify()) reports what is missing. [`destroy`](super::RocksdbLogStore::destroy) removes
    /// a [`GroupPrefixed`](super::GroupPrefixed) even then.
    #[error("the keys of {group} overlap those of {other}: open the two groups in column families of their own")]
    Overlaps {
        /// The key space of the group.
        group: String,
        /// The key space of the other group.
        other: String,
    },

    /// The database is open already, in another process or in this one. A database has one process at a time, which
    /// opens it once and shares the `Arc<DB>`.
    #[error("{path:?} is in use: {}", holder(*pid))]
    InUse {
        /// The directory of the database.
        path: PathBuf,
        /// The id of the process that has the database open, if that process left its id: a process leaves its id in
        /// `RAFT_SYNCED` when it opens its first log store.
        pid: Option<u32>,
    },

    /// One of RocksDB's files is damaged or cut short, although it must be intact at least up to byte `synced`. See
    /// [what to do](super::durability#if-the-database-lacks-acknowledged-writes).
    #[error(
        "{file:?} is damaged at byte {intact}, but was acknowledged up to byte {synced}: {what}",
        what = WHAT_TO_DO
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The length in bytes of the intact part. The first damaged record starts at this offset, or the file ends
        /// there.
        intact: u64,
        /// The length in bytes up to which the file must be intact. This is what was durable at the last
        /// acknowledgement that is recorded. It is the length of the whole file if the file is a WAL and a later WAL
        /// was synced, or if the file is the MANIFEST and an intact record follows the damage.
        synced: u64,
    },

    /// One of RocksDB's files is missing, and with it writes that were acknowledged. See
    /// [what to do](super::durability#if-the-database-lacks-acknowledged-writes).
    #[error("{0:?} is missing, but contained acknowledged writes: {what}", what = WHAT_TO_DO)]
    MissingFile(PathBuf),

    /// The database lacks writes that were acknowledged. It was opened without [`recover`](super::recover()), or
    /// its files were replaced by older ones. See
    /// [what to do](super::durability#if-the-database-lacks-acknowledged-writes).
    #[error(
        "the database in {path:?} ends at sequence number {sequence}, but writes up to {synced} were acknowledged: \
         {what}",
        what = WHAT_TO_DO
    )]
    BehindSynced {
        /// The directory of the database.
        path: PathBuf,
        /// The last sequence number in the database.
        sequence: u64,
        /// The sequence number up to which writes were acknowledged, as far as the store recorded it. Later writes may
        /// also have been acknowledged.
        synced: u64,
    },

    /// The database, or a column family of the group, was opened with an option with which RocksDB loses, rewrites or
    /// hides records of the log, or refuses writes of the log store. Open it with another value:
    /// [`options`](mod@super::options) lists all options.
    #[error("{} has the option {option}={value}, which is unsafe for a raft log: open it with {safe}",
        whose(column_family.as_deref()))]
    UnsafeOption {
        /// The name of the option in RocksDB's OPTIONS file.
        option: &'static str,
        /// The value of the option, as RocksDB writes it to its OPTIONS file.
        value: String,
        /// The value to set instead.
        safe: &'static str,
        /// The column family, or `None` if this is an option of the database.
        column_family: Option<String>,
    },

    /// The directory of the database, or a file in it, could not be read or written.
    #[error("{path:?}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },

    /// RocksDB could not open, read or write the database. A failed write of a running store is a
    /// [`WriteFailed`](Self::WriteFailed) with this error inside.
    #[error(transparent)]
    Rocksdb(#[from] rocksdb::Error),

    /// The thread that writes to the database could not be started.
    #[error("cannot start the writer thread")]
    Thread(#[source] io::Error),

    /// A write failed, so that RocksDB's memory and its files may differ. No write of any group in this database
    /// succeeds until the database is reopened. Dropping all stores is not enough: drop every `Arc<DB>` too.
    #[error("a write failed, and no write succeeds until the database is reopened: {0}")]
    WriteFailed(Arc<RocksdbLogStoreError>),

    /// [`close`](super::close()) has closed the log stores of this database. The call wrote nothing. To go on, drop all
    /// these stores and their readers, and open new ones.
    #[error("the log stores of this database are closed: drop them and open new ones")]
    Closed,

    /// A store sets an option of the database to another value than the stores that are open already. Pass the same
    /// value to all stores, or leave the option unset in all but the first.
    #[error("{option} is {in_use} for this database's open log stores, and cannot be {asked} for another one")]
    ConflictingOptions {
        /// The name of the option in [`StoreOptions`](super::StoreOptions).
        option: &'static str,
        /// The value that the open stores use.
        in_use: String,
        /// The value that the refused store set.
        asked: String,
    },

    /// The thread that writes to the database stopped, because of a panic.
    #[error("the writer thread stopped")]
    WriterStopped,

    /// A value could not be encoded, because its own `Serialize` returned an error, or because the value is beyond the
    /// [limits](crate::codec#limits) of a frame. The call wrote nothing.
    #[error("{group}: {record} cannot be encoded")]
    Encode {
        /// The key space of the group.
        group: String,
        /// The record that the value belongs to.
        record: RecordId,
        /// Why the value could not be encoded.
        source: CodecError,
    },

    /// A record is larger than the log store accepts. The call wrote nothing. Keep large values outside the log, and
    /// append a reference to them.
    #[error("{group}: {record} takes {bytes} bytes, and the limit is {limit} bytes: keep large values outside the log")]
    TooLarge {
        /// The key space of the group.
        group: String,
        /// The record that the value belongs to.
        record: RecordId,
        /// The size of key and value in bytes.
        bytes: usize,
        /// The largest size in bytes that the log store accepts.
        limit: usize,
    },

    /// The entries of one append are together larger than the log store accepts. The call wrote nothing. Append fewer
    /// entries at once: see `max_append_entries` and `max_payload_entries` in openraft's `Config`.
    #[error("{group}: the entries of one append take more than {limit} bytes: append fewer entries at once")]
    AppendTooLarge {
        /// The key space of the group.
        group: String,
        /// The largest size in bytes that the log store accepts, with keys.
        limit: usize,
    },

    /// The entries of an append do not start right after the last entry of the log, or their indexes are not
    /// consecutive. The call wrote nothing.
    #[error("{group}: cannot append index {index}, the next index is {expected}")]
    NotConsecutive {
        /// The key space of the group.
        group: String,
        /// The index of the entry that does not follow the entry before it.
        index: u64,
        /// The index that this entry should have.
        expected: u64,
    },

    /// The entry at this index is missing from the log. Either the log has a hole, or the entry was purged or truncated
    /// while a stream was reading the log.
    #[error("{group}: the entry at index {index} is missing from the log")]
    MissingEntry {
        /// The key space of the group.
        group: String,
        /// The index of the entry.
        index: u64,
    },

    /// A stored record cannot be decoded: it is damaged, or was written by a newer release, with another type
    /// config, or by another program. The source has the details.
    #[error("{group}: {record} cannot be decoded")]
    Corrupt {
        /// The key space of the group.
        group: String,
        /// The record.
        record: RecordId,
        /// The key that the record is stored under.
        key: Vec<u8>,
        /// Why the record could not be decoded.
        source: CodecError,
    },

    /// An entry is stored under the key of another index than its own.
    #[error("{group}: the entry stored at index {index} has index {actual}")]
    Misplaced {
        /// The key space of the group.
        group: String,
        /// The index of the key.
        index: u64,
        /// The index in the entry.
        actual: u64,
    },

    /// A key in the column family belongs neither to [`Flat`](super::Flat) nor to
    /// [`GroupPrefixed`](super::GroupPrefixed).
    #[error("the key {key:02x?} in the column family {column_family:?} belongs to no group")]
    UnknownKey {
        /// The column family.
        column_family: String,
        /// The key that was found.
        key: Vec<u8>,
    },

    /// A key between the group's first and last possible log key is not a log key of the group. The column family holds
    /// other data, or groups with another kind of key space.
    #[error("{group}: the key {key:02x?} is not a log key of this group")]
    ForeignKey {
        /// The key space of the group.
        group: String,
        /// The key that was found.
        key: Vec<u8>,
    },
}

/// A record of a group, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordId {
    /// The log entry at this index.
    Entry(u64),
    /// The vote, the committed log id or the last purged log id, whichever the label names.
    Meta(MetaLabel),
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(index) => write!(f, "the entry at index {index}"),
            Self::Meta(label) => write!(f, "the record `{label}`"),
        }
    }
}

fn whose(column_family: Option<&str>) -> String {
    match column_family {
        None => "the database".to_owned(),
        Some(name) => format!("the column family {name:?}"),
    }
}

impl RocksdbLogStoreError {
    /// Returns a function that turns an I/O error on `path` into an [`Io`](Self::Io).
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// Says which process has a database open. `pid` is the id of that process, if it is known.
fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == process::id() => "this process has it open already".to_owned(),
        Some(pid) => format!("another process has it open, with the pid {pid}"),
        None => "another process has it open".to_owned(),
    }
}

impl From<RocksdbLogStoreError> for io::Error {
    fn from(e: RocksdbLogStoreError) -> Self {
        use RocksdbLogStoreError as E;
        let kind = match &e {
            E::NotConsecutive { .. } | E::Encode { .. } | E::TooLarge { .. } | E::AppendTooLarge { .. } => {
                io::ErrorKind::InvalidInput
            }
            E::MissingEntry { .. } | E::Corrupt { .. } | E::Misplaced { .. } | E::ForeignKey { .. } => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, e)
    }
}
