//! Whether a database is open, and the error that says so.

use std::path::Path;
use std::process;

use rocksdb::{DB, InfoLogger, LogLevel, Options};

use super::account_file::AccountFile;
use crate::log_store::error::RocksdbLogStoreError;

/// Locks the account of the database in `dir`, after checking that RocksDB has not opened the database, in any process.
/// A database may be open without log stores, and then nothing but RocksDB's own lock shows that.
///
/// # Errors
///
/// [`InUse`](RocksdbLogStoreError::InUse) if the database is open, and the errors of [`AccountFile::lock`].
pub(super) fn lock_closed(dir: &Path) -> Result<AccountFile, RocksdbLogStoreError> {
    let lock = AccountFile::lock(dir)?;
    let mut options = Options::default();
    // RocksDB takes its lock, finds the database, and gives up: it reads no file, and changes none.
    options.set_error_if_exists(true);
    // With a logger, RocksDB does not replace the file `LOG`.
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _: &str| {}));
    match DB::open(&options, dir).map_err(|error| not_opened(dir, error)) {
        Err(in_use @ RocksdbLogStoreError::InUse { .. }) => Err(in_use),
        _ => Ok(lock),
    }
}

/// Turns RocksDB's error of opening the database at `path` into [`RocksdbLogStoreError::InUse`], if the file `LOCK` of
/// the database is locked.
pub(in crate::log_store) fn not_opened(path: &Path, error: rocksdb::Error) -> RocksdbLogStoreError {
    let message: &str = error.as_ref();
    let pid = if message.contains("lock hold by current process") {
        Some(process::id())
    } else if message.contains("While lock file") && message.contains("Resource temporarily unavailable") {
        AccountFile::holder(path)
    } else {
        return error.into();
    };
    RocksdbLogStoreError::InUse {
        path: path.to_path_buf(),
        pid,
    }
}
