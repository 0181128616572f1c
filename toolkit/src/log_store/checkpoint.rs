//! A copy of a running database, with the account that fits it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{DB, IteratorMode};

use super::error::RocksdbLogStoreError;
use super::group_columns::{cf_handle, total_order};
use super::open::{LOG_CF, META_CF, db_options};
use super::synced::account_file::Account;
use super::synced::recover::recover;
use super::wal::files::sync_dir;
use super::writer::Writer;
use super::writer::claims::CfName;

/// Copies a database into the new directory `dir`, while log stores are open in it and go on writing. The copy has
/// everything that was acknowledged before the call. It has a `RAFT_SYNCED` of its own, so that damage to the copy is
/// noticed.
///
/// RocksDB's `Checkpoint` makes the copy: it flushes the database, links the tables if `dir` is on the same file
/// system, and copies the other files. Then this function checks the copy. It opens the copy for reading, looks for the
/// last acknowledged operation, and reads all raft records of the open groups and of [`LOG_CF`] and [`META_CF`], so
/// that RocksDB compares their checksums. It does not decode the records, which [`verify`](super::verify()) does.
///
/// **Never start a node on an older copy of its log**, because the node would have forgotten later votes and entries:
/// see [what you must do](super::durability#what-you-must-do). A copy serves to look into a log, to test with real
/// data, and to rescue data when every other copy is lost.
///
/// This blocks until the copy is durable and checked. In async code, call it from a blocking task.
///
/// # Errors
///
/// - [`Io`](RocksdbLogStoreError::Io) if `dir` exists, or if a file cannot be read, written or synced.
/// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot flush the database, or cannot write or read the copy.
/// - [`BehindSynced`](RocksdbLogStoreError::BehindSynced), [`Damaged`](RocksdbLogStoreError::Damaged) or
///   [`MissingFile`](RocksdbLogStoreError::MissingFile) if the copy is not what was acknowledged.
///
/// After an error, there is nothing in `dir`.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::{LogDbOptions, checkpoint, open_db, open_db_read_only};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// let db = open_db(dir.join("raft"), LogDbOptions::default())?;
/// checkpoint(&db, dir.join("copy"))?;
/// let copy = open_db_read_only(dir.join("copy"))?;
/// # Ok(())
/// # }
/// ```
pub fn checkpoint(db: &Arc<DB>, dir: impl AsRef<Path>) -> Result<(), RocksdbLogStoreError> {
    // Remove a slash at the end, after which no suffix could be added to the name.
    let dir = dir.as_ref().components().as_path();
    if dir.exists() {
        return Err(RocksdbLogStoreError::io(dir)(io::ErrorKind::AlreadyExists.into()));
    }
    // Read the account first: what is acknowledged later may be missing in the copy.
    let account = Account::read(db.path())?.unwrap_or_default();
    // The copy gets its name when it is checked, so that nobody takes an unchecked one for good.
    let mut unchecked = dir.as_os_str().to_os_string();
    unchecked.push(".unchecked");
    let unchecked = Unchecked(unchecked.into());
    remove_if_exists(&unchecked.0)?;
    Checkpoint::new(db)?.create_checkpoint(&unchecked.0)?;
    sync_all(&unchecked.0)?;
    Account::create(&unchecked.0, account.last)?;
    check(db, &unchecked.0, &account)?;
    fs::rename(&unchecked.0, dir).map_err(RocksdbLogStoreError::io(dir))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    sync_dir(parent).map_err(RocksdbLogStoreError::io(parent))
}

/// The directory of a copy that is not checked yet. It is removed when this value is dropped.
struct Unchecked(PathBuf);

impl Drop for Unchecked {
    fn drop(&mut self) {
        // Ignore the outcome: a copy that was checked has another name by now, and the next checkpoint tries again.
        let _ = remove_if_exists(&self.0);
    }
}

fn remove_if_exists(dir: &Path) -> Result<(), RocksdbLogStoreError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(RocksdbLogStoreError::io(dir)(e)),
        _ => Ok(()),
    }
}

/// Syncs all files in `dir`, and `dir` itself.
fn sync_all(dir: &Path) -> Result<(), RocksdbLogStoreError> {
    let synced = fs::read_dir(dir).and_then(|files| {
        for file in files {
            let file = file?;
            if file.file_type()?.is_file() {
                File::open(file.path())?.sync_all()?;
            }
        }
        sync_dir(dir)
    });
    synced.map_err(RocksdbLogStoreError::io(dir))
}

/// Checks that the copy in `dir` has the last operation of `account`, and that its raft records can be read.
fn check(db: &Arc<DB>, dir: &Path, account: &Account) -> Result<(), RocksdbLogStoreError> {
    recover(dir)?;
    let open = Writer::running(db).map(|writer| writer.claims().column_families());
    let open: HashSet<CfName> = open.into_iter().flatten().flatten().collect();
    let options = db_options();
    // A group may have been opened in a column family that was created after the copy was made.
    let stored = DB::list_cf(&options, dir)?.into_iter();
    let names = stored.filter(|name| [LOG_CF, META_CF].contains(&name.as_str()) || open.contains(name.as_str()));
    let names: Vec<String> = names.collect();

    let copy = DB::open_cf_for_read_only(&options, dir, &names, false)?;
    account.check(&copy)?;
    for name in &names {
        let cf = cf_handle!(copy, name)?;
        let mut uncached = total_order();
        uncached.fill_cache(false);
        for record in copy.iterator_cf_opt(&cf, uncached, IteratorMode::Start) {
            record?;
        }
    }
    Ok(())
}
