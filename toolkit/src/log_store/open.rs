//! Opening a database for log stores, and the options that the log store requires.

use std::iter;
use std::path::Path;
use std::sync::Arc;

use rocksdb::{DB, DBRecoveryMode, ErrorKind, Options};

use super::error::RocksdbLogStoreError;
use super::synced::in_use::not_opened;
use super::synced::recover::recover;

/// The column family that [`open_db`] and [`open_db_with`] create for log entries.
pub const LOG_CF: &str = "raft_log";

/// The column family that [`open_db`] and [`open_db_with`] create for votes, committed and last purged log ids.
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
/// To keep the state machine in the same database, use [`open_db_with`].
///
/// # Errors
///
/// Those of [`open_db_with`].
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
    let mut db = db_options();
    db.create_if_missing(options.create_if_missing);
    open_db_with(path, db, iter::empty::<(String, Options)>())
}

/// Opens a database that a state machine shares with the raft logs, with options and column families of your own.
///
/// Start from [`db_options`], and change what your own data needs. Name all column families that the database has:
/// RocksDB refuses to open only some of them. [`LOG_CF`] and [`META_CF`] are added where `column_families` does not
/// name them, with the options [`log_cf_options`] and [`meta_cf_options`]. With [`db_options`], RocksDB creates the
/// column families that do not exist yet.
///
/// Like [`open_db`], this calls [`recover`] first. It sets `use_direct_io_for_flush_and_compaction`, whatever `options`
/// says: with direct I/O, appends are faster, see [`performance`](super::performance). On a file system without direct
/// I/O, and with `options` that exclude it, such as `allow_mmap_writes`, it opens the database without.
///
/// # Errors
///
/// - The errors of [`recover`].
/// - [`RocksdbLogStoreError::InUse`] if the database is open already, in another process or in this one.
/// - [`RocksdbLogStoreError::Rocksdb`] if RocksDB cannot open the database for another reason, for example because its
///   files are damaged, `column_families` lacks one of the database's column families, or the database does not exist
///   and must not be created.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::{Flat, LOG_CF, META_CF, RocksdbLogStore, db_options, open_db_with};
/// use openraft_toolkit::rocksdb::Options;
///
/// openraft_toolkit::declare_raft_types_ext! {
///     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let mut accounts = Options::default();
/// accounts.set_write_buffer_size(16 << 20);
/// let db = open_db_with(dir.path(), db_options(), [("accounts", accounts)])?;
/// let log = RocksdbLogStore::<Types, _>::open(db.clone(), LOG_CF, META_CF, Flat)?;
/// let accounts = db.cf_handle("accounts").ok_or("this column family was named")?;
/// db.put_cf(&accounts, "alice", "100")?;
/// # Ok(())
/// # }
/// ```
pub fn open_db_with(
    path: impl AsRef<Path>,
    mut options: Options,
    column_families: impl IntoIterator<Item = (impl Into<String>, Options)>,
) -> Result<Arc<DB>, RocksdbLogStoreError> {
    let path = path.as_ref();
    let mut families: Vec<(String, Options)> = Vec::new();
    families.extend(
        column_families
            .into_iter()
            .map(|(name, options)| (name.into(), options)),
    );
    for (name, options) in [(LOG_CF, log_cf_options()), (META_CF, meta_cf_options())] {
        if families.iter().all(|(named, _)| named != name) {
            families.push((name.to_owned(), options));
        }
    }
    recover(path)?;
    // Flushes through the page cache delay the syncs of the WAL. With direct I/O, appends of 4 KiB are 1.2 times as
    // fast as without, with a quarter of the p99 latency and 0.6 of the CPU time.
    options.set_use_direct_io_for_flush_and_compaction(true);
    let opened = match DB::open_cf_with_opts(&options, path, families.iter().cloned()) {
        // RocksDB returns these errors before it replays the MANIFEST and the WALs: the first on a file system without
        // direct I/O, the second for `options` that are not compatible with it. If the error has another cause, the
        // second try returns it again.
        Err(e) if [ErrorKind::InvalidArgument, ErrorKind::NotSupported].contains(&e.kind()) => {
            options.set_use_direct_io_for_flush_and_compaction(false);
            DB::open_cf_with_opts(&options, path, families)
        }
        opened => opened,
    };
    opened.map(Arc::new).map_err(|error| not_opened(path, error))
}

/// Returns the database options that the log store requires, for [`open_db_with`].
///
/// - Leave `wal_dir`, `recycle_log_file_num` and `wal_compression` as they are. Otherwise damage to the WAL may go
///   unnoticed. A log store refuses some other options. [`options`](mod@super::options) lists all options.
/// - If you open the database without [`open_db_with`], call [`recover`] first, because RocksDB does not report all
///   damage to the WAL, whatever its options are. If the file system has direct I/O, also set
///   `use_direct_io_for_flush_and_compaction`.
///
/// # Examples
///
/// See [`open_db_with`].
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
