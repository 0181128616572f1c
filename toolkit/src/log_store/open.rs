//! Opening a database for log stores, and the options that the log store requires.

use std::path::Path;
use std::sync::Arc;

use rocksdb::{ColumnFamilyDescriptor, DB, DBRecoveryMode, ErrorKind, Options};

use super::error::RocksdbLogStoreError;
use super::synced::account_file::Account;
use super::synced::recover::recover;
use super::wal::files::CURRENT;

/// The column family that [`open_db`] creates for log entries.
pub const LOG_CF: &str = "raft_log";

/// The column family that [`open_db`] creates for votes, committed and last purged log ids.
pub const META_CF: &str = "raft_meta";

/// The total size in bytes of all WALs above which RocksDB flushes the column families that still need the oldest WAL.
const MAX_TOTAL_WAL: u64 = 256 << 20;

/// How [`open_db`] opens a database.
///
/// ```
/// use openraft_toolkit::log_store::LogDbOptions;
///
/// let options = LogDbOptions::default().create_if_missing(false);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogDbOptions {
    /// See the setter [`create_if_missing`](LogDbOptions::create_if_missing()).
    pub create_if_missing: bool,
}

impl Default for LogDbOptions {
    fn default() -> Self {
        Self {
            create_if_missing: true,
        }
    }
}

impl LogDbOptions {
    /// Sets whether a database is created if there is none at the path; default `true`.
    ///
    /// With `false`, a missing database is an error. Use `false` for a node that must come back with its data:
    /// otherwise, if its disk is not mounted, a new and empty database would be created at the path.
    #[must_use]
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.create_if_missing = create;
        self
    }
}

/// Opens a database for raft logs alone, with [`LOG_CF`] and [`META_CF`].
///
/// To keep the state machine in the same database, open the database yourself with [`db_options`],
/// [`log_cf_options`] and [`meta_cf_options`].
///
/// # Errors
///
/// - The errors of [`recover`].
/// - [`RocksdbLogStoreError::Rocksdb`] if RocksDB cannot open the database, for example because the database is open
///   already, its files are damaged, or it does not exist and must not be created.
///
/// # Examples
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
    // Flushes through the page cache delay the syncs of the WAL. With direct I/O, appends of 4 KiB are 1.2 times as
    // fast as without, with a quarter of the p99 latency and 0.6 of the CPU time.
    db.set_use_direct_io_for_flush_and_compaction(true);
    let opened = match DB::open_cf_descriptors(&db, &path, column_families()) {
        // On a file system without direct I/O, RocksDB returns this error before it replays the MANIFEST and the WALs.
        // If the error has another cause, the second try returns it again.
        Err(e) if e.kind() == ErrorKind::InvalidArgument => {
            db.set_use_direct_io_for_flush_and_compaction(false);
            DB::open_cf_descriptors(&db, &path, column_families())
        }
        opened => opened,
    };
    Ok(Arc::new(opened?))
}

/// Opens a database with [`LOG_CF`] and [`META_CF`] for reading alone, even while a node has the database open. Use
/// this for tools such as [`groups`](super::groups()) and [`verify`](super::verify()).
///
/// The result shows the database as it was when it was opened, without what a running node still has in its
/// queue. The database is not changed.
///
/// # Errors
///
/// - [`RocksdbLogStoreError::Io`] if there is no database at the path, or if the file `RAFT_SYNCED` cannot be read.
/// - [`RocksdbLogStoreError::BehindSynced`] if the database lacks acknowledged writes.
/// - [`RocksdbLogStoreError::Rocksdb`] if RocksDB cannot open the database, for example because its files are damaged,
///   or because it lacks one of the two column families.
///
/// # Examples
///
/// See [`groups`](super::groups()).
pub fn open_db_read_only(path: impl AsRef<Path>) -> Result<DB, RocksdbLogStoreError> {
    let path = path.as_ref();
    // Without this check, the crate `rocksdb` would create a directory at the path: it does so in every call that opens
    // a database, including read-only calls.
    let current = path.join(CURRENT);
    if let Err(source) = current.metadata() {
        return Err(RocksdbLogStoreError::Io { path: current, source });
    }
    // Read the account first: a running node may acknowledge more while the database is opened. A later account would
    // then name writes that the opened database does not show.
    let account = Account::read(path)?;
    let mut options = db_options();
    options.create_if_missing(false);
    options.create_missing_column_families(false);
    // A running node always has a WAL.
    let error_if_wal_exists = false;
    let db = DB::open_cf_descriptors_read_only(&options, path, column_families(), error_if_wal_exists)?;
    if let Some(account) = account {
        account.check(&db)?;
    }
    Ok(db)
}

fn column_families() -> [ColumnFamilyDescriptor; 2] {
    [
        ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
        ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
    ]
}

/// Returns the database options that the log store requires, for programs that open the database themselves.
///
/// - Call [`recover`] first, as [`open_db`] does: RocksDB does not report all damage to the WAL, whatever its
///   options are.
/// - Leave `wal_dir`, `recycle_log_file_num` and `wal_compression` as they are. Otherwise damage to the WAL may go
///   unnoticed. A log store refuses some other options. [`options`](mod@super::options) lists all options.
/// - If the file system has direct I/O, also set `use_direct_io_for_flush_and_compaction`, as [`open_db`] does, because
///   appends are then faster: see [`performance`](super::performance).
///
/// # Examples
///
/// Opens a database that also has a column family for the state machine:
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
    // RocksDB's default, point-in-time recovery, drops everything after a damaged record of the WAL. It returns an
    // error only if a column family has later records in its table files already. This mode refuses a record whose
    // checksum is wrong. It drops a last record that seems to be cut off, but `recover` has checked before that the
    // record really was cut off.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // With this option, RocksDB returns an error if a WAL before the last one is missing, or is shorter than it was
    // when RocksDB synced it.
    options.set_track_and_verify_wals_in_manifest(true);
    // RocksDB keeps a WAL, and all later WALs, until the records in it are flushed. So the last vote of an idle group
    // keeps all WALs that are written after it, up to this limit. RocksDB's default limit is four times the total size
    // of all write buffers: 1.5 GiB for the default column family and the two of the log store.
    options.set_max_total_wal_size(MAX_TOTAL_WAL);
    options
}

/// Returns the options of the column family for log entries.
pub fn log_cf_options() -> Options {
    Options::default()
}

/// Returns the options of the column family for votes, committed and last purged log ids.
pub fn meta_cf_options() -> Options {
    Options::default()
}
