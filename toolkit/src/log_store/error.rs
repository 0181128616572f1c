use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::MetaLabel;
use crate::codec::CodecError;

/// Why the log store could not open, read or write.
///
/// openraft's storage traits speak `io::Error`; the store's own error is inside:
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

    /// The log and the meta records were to share this column family. Use two, as their keys would
    /// lie between each other.
    #[error("the log and the meta records cannot share the column family {0:?}: name two")]
    SharedColumnFamily(String),

    /// Another store of this database has the same group, or one whose log or meta keys are the
    /// same: groups that share a column family need key spaces that differ. A group is free again
    /// once its store and all its readers are dropped; a running `Raft` holds both until after its
    /// shutdown.
    #[error("{group} is open already: drop its other log store and readers first")]
    AlreadyOpen {
        /// The key space of the group.
        group: String,
    },

    /// Another process, or another opening of the database in this one, has log stores in it.
    #[error("another process has log stores open in {0:?}")]
    InUse(PathBuf),

    /// A file of RocksDB's is damaged, or too short, before the end of what was acknowledged. Put
    /// the file back, or let the node join anew with an empty directory.
    #[error("{file:?} is intact up to byte {intact}, and held {synced} bytes of what was acknowledged")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the first record starts that is not intact.
        intact: u64,
        /// The length up to which the file was synced, at least.
        synced: u64,
    },

    /// A file of RocksDB's that held what was acknowledged is gone. Put it back, or let the node
    /// join anew with an empty directory.
    #[error("{0:?} is missing, and held what was acknowledged")]
    MissingFile(PathBuf),

    /// The database was opened without [`recover`](super::recover), or went back to an earlier
    /// state, and lacks writes that were acknowledged. Put the database back, or let the node join
    /// anew with an empty directory.
    #[error("the database in {path:?} is at sequence number {sequence}, and acknowledged writes up to {synced}")]
    BehindSynced {
        /// The directory of the database.
        path: PathBuf,
        /// The last sequence number that the database has.
        sequence: u64,
        /// The sequence number up to which it was synced, at least.
        synced: u64,
    },

    /// A file in the directory of the database could not be read or written.
    #[error("{path:?}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },

    /// RocksDB failed to open or to read.
    #[error(transparent)]
    Rocksdb(#[from] rocksdb::Error),

    /// The thread that writes to the database could not be started.
    #[error("cannot start the writer thread")]
    Thread(#[source] io::Error),

    /// A write failed, so that RocksDB's memory and disk may differ. Nothing is acknowledged any
    /// more, for any group of this database, until the database is reopened.
    #[error("a write failed, and nothing is written any more until the database is reopened: {0}")]
    WriteFailed(Arc<RocksdbLogStoreError>),

    /// The writer thread is gone, by a panic.
    #[error("the writer thread stopped")]
    WriterStopped,

    /// A value could not be encoded: its own `Serialize` refused. Nothing of it was written.
    #[error("{group}: {record} cannot be encoded")]
    Encode {
        /// The key space of the group.
        group: String,
        /// What was to be written.
        record: RecordId,
        /// What is wrong with it.
        source: CodecError,
    },

    /// A value is larger than the 4 GiB that RocksDB takes. Nothing of it was written.
    #[error("{group}: {record} takes {bytes} bytes, RocksDB holds less than 4 GiB")]
    TooLarge {
        /// The key space of the group.
        group: String,
        /// What was to be written.
        record: RecordId,
        /// The size of its frame.
        bytes: usize,
    },

    /// An append does not start right after the last entry, or has a hole. Nothing of it was
    /// written.
    #[error("{group}: cannot append index {index}, the next index is {expected}")]
    NotConsecutive {
        /// The key space of the group.
        group: String,
        /// The index that was to be appended.
        index: u64,
        /// The index that comes next.
        expected: u64,
    },

    /// The log has a hole: this entry should be there, and is not.
    #[error("{group}: the entry at index {index} is missing from the log")]
    MissingEntry {
        /// The key space of the group.
        group: String,
        /// The index of the entry.
        index: u64,
    },

    /// What is stored is not what was written, or was written by a newer version, with another
    /// type config or by another program; the source says which.
    #[error("{group}: {record} cannot be decoded")]
    Corrupt {
        /// The key space of the group.
        group: String,
        /// What was to be read.
        record: RecordId,
        /// The key that it is stored under.
        key: Vec<u8>,
        /// What is wrong with it.
        source: CodecError,
    },

    /// A stored entry lies under the key of another one.
    #[error("{group}: the entry stored at index {index} is of index {actual}")]
    Misplaced {
        /// The key space of the group.
        group: String,
        /// The index of the key.
        index: u64,
        /// The index of the entry.
        actual: u64,
    },

    /// A key in the column family is of no group in this library's key spaces.
    #[error("the key {key:02x?} in the column family {column_family:?} is of no group")]
    UnknownKey {
        /// The column family.
        column_family: String,
        /// The key that was found.
        key: Vec<u8>,
    },

    /// Between the first and the last key of the group lies one that its key space does not make:
    /// the column family holds other data, or another kind of key space.
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
    /// A record beside the log.
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

impl From<RocksdbLogStoreError> for io::Error {
    fn from(e: RocksdbLogStoreError) -> Self {
        use RocksdbLogStoreError as E;
        let kind = match &e {
            E::NotConsecutive { .. } | E::Encode { .. } | E::TooLarge { .. } => io::ErrorKind::InvalidInput,
            E::MissingEntry { .. } | E::Corrupt { .. } | E::Misplaced { .. } | E::ForeignKey { .. } => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, e)
    }
}
