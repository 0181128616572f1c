use std::path::Path;
use std::sync::Arc;

use rocksdb::{ColumnFamilyDescriptor, DB, DBRecoveryMode, ErrorKind, Options};

use super::synced::Synced;
use super::{RocksdbLogStoreError, recover};

/// The column family that [`open_db`] creates for log entries.
pub const LOG_CF: &str = "raft_log";

/// The column family that [`open_db`] creates for votes, committed and last purged log ids.
pub const META_CF: &str = "raft_meta";

/// How [`open_db`] opens a database.
#[derive(Clone, Debug)]
pub struct LogDbOptions {
    /// Create the database when there is none at the path; default `true`. With `false`, a
    /// missing database is an error: for a node that must come back with its data, so that a
    /// disk that is not mounted is not taken for a new one.
    pub create_if_missing: bool,
}

impl Default for LogDbOptions {
    fn default() -> Self {
        Self {
            create_if_missing: true,
        }
    }
}

/// Opens a database for raft logs alone, with [`LOG_CF`] and [`META_CF`].
///
/// To keep the state machine in the same database, open it yourself with [`db_options`],
/// [`log_cf_options`] and [`meta_cf_options`].
///
/// # Errors
///
/// Those of [`recover`], and [`RocksdbLogStoreError::Rocksdb`] when RocksDB cannot open it: another
/// process has it, the files are damaged, or it is missing and must not be created.
///
/// # Example
///
/// ```
/// use openraft_toolkit::log_store::{LogDbOptions, open_db};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let db = open_db(dir.path().join("raft"), LogDbOptions::default())?;
/// # Ok(())
/// # }
/// ```
pub fn open_db(path: impl AsRef<Path>, options: LogDbOptions) -> Result<Arc<DB>, RocksdbLogStoreError> {
    recover(&path)?;
    let mut db = db_options();
    db.create_if_missing(options.create_if_missing);
    // A flush through the page cache delays the syncs of the WAL: appends of 4 KiB were 1.2 times as fast
    // without, the slowest of a hundred took a quarter of the time, and all took 0.6 of the CPU time.
    db.set_use_direct_io_for_flush_and_compaction(true);
    let opened = match DB::open_cf_descriptors(&db, &path, column_families()) {
        // What RocksDB says of a file system without direct I/O, before it reads anything.
        Err(e) if e.kind() == ErrorKind::InvalidArgument => {
            db.set_use_direct_io_for_flush_and_compaction(false);
            DB::open_cf_descriptors(&db, &path, column_families())
        }
        opened => opened,
    };
    Ok(Arc::new(opened?))
}

/// Opens a database to be read alone, with [`LOG_CF`] and [`META_CF`]: for tools such as
/// [`groups`](super::groups()) and [`verify`](super::verify), also beside a node that has it open.
///
/// It is the database as it was at the opening, without what a node that runs has still queued. No file
/// in it is changed.
///
/// # Errors
///
/// - [`RocksdbLogStoreError::Io`] when there is no database at the path.
/// - [`RocksdbLogStoreError::BehindSynced`] when it lacks what was acknowledged.
/// - [`RocksdbLogStoreError::Rocksdb`] when its files are damaged.
pub fn open_db_read_only(path: impl AsRef<Path>) -> Result<DB, RocksdbLogStoreError> {
    let path = path.as_ref();
    // RocksDB would make a directory of it.
    let current = path.join("CURRENT");
    if let Err(source) = current.metadata() {
        return Err(RocksdbLogStoreError::Io { path: current, source });
    }
    // Before the opening, so that what a node writes meanwhile is not missed.
    let synced = Synced::read(path)?;
    let mut options = db_options();
    options.create_if_missing(false);
    options.create_missing_column_families(false);
    // A node that runs always has a WAL.
    let error_if_wal_exists = false;
    let db = DB::open_cf_descriptors_read_only(&options, path, column_families(), error_if_wal_exists)?;
    if let Some(synced) = synced {
        synced.check(&db)?;
    }
    Ok(db)
}

fn column_families() -> [ColumnFamilyDescriptor; 2] {
    [
        ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
        ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
    ]
}

/// The database options that the log store's promise rests on, for those who open the database
/// themselves. Call [`recover`] first, as [`open_db`] does: not all damage to the WAL is an error to
/// RocksDB, whatever its options.
///
/// Where the file system has direct I/O, set `use_direct_io_for_flush_and_compaction` too, as [`open_db`] does: see
/// [`performance`](super::performance).
///
/// Leave `wal_dir`, `recycle_log_file_num`, `wal_compression` and `avoid_flush_during_recovery` as they are:
/// [`recover`] could not follow the WAL.
///
/// # Example
///
/// A database that holds the state machine too:
///
/// ```
/// use std::sync::Arc;
///
/// use openraft_toolkit::log_store::{LOG_CF, META_CF, db_options, log_cf_options, meta_cf_options, recover};
/// use rocksdb::{ColumnFamilyDescriptor, DB, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// recover(path)?;
/// let db = Arc::new(DB::open_cf_descriptors(&db_options(), path, [
///     ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
///     ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
///     ColumnFamilyDescriptor::new("accounts", Options::default()),
/// ])?);
/// # Ok(())
/// # }
/// ```
pub fn db_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // RocksDB's default, point-in-time recovery, drops everything behind a damaged record of the
    // WAL and opens without a word. This mode refuses a record whose checksum is wrong, and drops
    // one that seems cut short by the end of the file; `recover` makes sure that it is.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A synced WAL that is missing as a whole, or shorter than it was, is an error too.
    options.set_track_and_verify_wals_in_manifest(true);
    // A group that falls silent would keep the WAL that holds its last vote, and with it all
    // later ones: at this size the column families that hold them back are flushed.
    options.set_max_total_wal_size(256 << 20);
    options
}

/// The options of the column family for log entries.
pub fn log_cf_options() -> Options {
    Options::default()
}

/// The options of the column family for votes, committed and last purged log ids.
pub fn meta_cf_options() -> Options {
    Options::default()
}
