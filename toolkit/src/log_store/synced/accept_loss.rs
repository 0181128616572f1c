//! The last resort: making a database open again whose acknowledged writes are lost.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::account_file::{Account, AccountFile};
use super::in_use::lock_closed;
use super::recover::{ManifestFile, Wal, files_in, read_wals};
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::files::{CURRENT, manifest_number, manifest_path, truncate};
use crate::log_store::wal::manifest::Manifest;
use crate::log_store::wal::scan::append_record;

/// What [`accept_loss`] has cut off a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedLoss {
    /// The file.
    pub file: PathBuf,
    /// The length of the file in bytes before.
    pub from: u64,
    /// How many bytes of the file are left.
    pub to: u64,
}

/// Gives up acknowledged writes that are damaged or missing, so that the database in `path` can be opened with what is
/// left. Returns what was cut off, and logs each cut as an error.
///
/// **A node that starts on such a database may have forgotten votes and entries that it acknowledged. It can elect a
/// second leader in a term, and its cluster can lose committed writes.** There are two uses:
///
/// - to read what is left on a node that will be rebuilt: remove the node from the cluster, and let it join again under
///   a new node id with an empty directory;
/// - to rescue the last copy of the data, after every other copy is lost.
///
/// This is for a database for which [`open_db`](crate::log_store::open_db) or [`recover`](crate::log_store::recover())
/// return `Damaged`, `MissingFile` or `BehindSynced`. Copy the directory first: this changes files, and cannot be
/// undone.
///
/// It cuts off the WALs at the first damage, or where a WAL is missing, empties all later WALs, cuts off the MANIFEST
/// at its first damage, and removes `RAFT_SYNCED`. If the database still does not open, because tables are missing
/// that the MANIFEST names, then `rocksdb::DB::repair` is what is left to try.
///
/// # Errors
///
/// - [`InUse`](RocksdbLogStoreError::InUse) if the database is open.
/// - [`MissingFile`](RocksdbLogStoreError::MissingFile) if there is no `CURRENT`, or no MANIFEST of the name in it:
///   without these files, nothing can be opened.
/// - [`Io`](RocksdbLogStoreError::Io) if a file cannot be read or changed.
///
/// # Examples
///
/// ```no_run
/// use openraft_toolkit::log_store::{LogDbOptions, RocksdbLogStoreError, accept_loss, open_db};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/backup/of/the/damaged/node";
/// let db = match open_db(path, LogDbOptions::default()) {
///     Err(RocksdbLogStoreError::Damaged { .. }) => {
///         for loss in accept_loss(path)? {
///             println!("{:?}: {} of {} bytes are left", loss.file, loss.to, loss.from);
///         }
///         open_db(path, LogDbOptions::default())?
///     }
///     opened => opened?,
/// };
/// # Ok(())
/// # }
/// ```
pub fn accept_loss(path: impl AsRef<Path>) -> Result<Vec<AcceptedLoss>, RocksdbLogStoreError> {
    let dir = path.as_ref();
    let missing = |path: PathBuf| move || RocksdbLogStoreError::MissingFile(path);
    let current = dir.join(CURRENT);
    let number = match manifest_number(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(RocksdbLogStoreError::io(&current)(e)),
        number => number.ok().flatten().ok_or_else(missing(current))?,
    };
    let _lock = lock_closed(dir)?;
    let account = Account::read(dir)?;
    tracing::error!(path = %dir.display(), ?account, "accepting the loss of acknowledged writes");

    let mut losses = Vec::new();
    let manifest = ManifestFile::read(dir, number)?;
    let manifest = manifest.ok_or_else(missing(manifest_path(dir, number)))?;
    let min_wal = manifest.manifest.min_wal();
    let files = files_in(dir)?.unwrap_or_default();
    let wals = read_wals(&files, min_wal)?;
    // A WAL does not follow if the end of the WAL before it is lost: its first mark tells how long that WAL was.
    let follows = |number: u64, wal: &Wal<'_>| {
        let before = wal
            .mark_of_predecessor(number)
            .filter(|mark| mark.durable.file >= min_wal);
        before.is_none_or(|mark| {
            let found = wals.get(&mark.durable.file);
            found.is_some_and(|found| found.scan.intact >= mark.written)
        })
    };
    let mut cuts = Vec::new();
    for (number, wal) in &wals {
        let is_lost = !cuts.is_empty() || !follows(*number, wal);
        let to = if is_lost { 0 } else { wal.scan.intact };
        if is_lost || to < wal.scan.length {
            cuts.push((wal, to));
        }
    }
    // Cut the last WAL first, so that an interruption never leaves a hole between intact WALs.
    for (wal, to) in cuts.into_iter().rev() {
        cut(wal.path, wal.scan.length, to, &mut losses)?;
    }
    // RocksDB applies the edits of a group only if it has all of them, and refuses any other edit in between.
    let edits = manifest.manifest.incomplete_group().unwrap_or(manifest.scan.intact);
    cut(&manifest.path, manifest.scan.length, edits, &mut losses)?;

    // The MANIFEST may name WALs that are missing or shorter now, and RocksDB would refuse the database.
    let newest = wals.last_key_value().map_or(0, |(number, _)| *number);
    let last_known = account.map_or(0, |account| account.wal.file);
    let record = Manifest::forget_wals_before(newest.max(last_known).max(min_wal) + 1);
    let bytes = append_record(edits, &record);
    let appended = OpenOptions::new()
        .append(true)
        .open(&manifest.path)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
    appended.map_err(RocksdbLogStoreError::io(&manifest.path))?;
    let account_path = AccountFile::path(dir);
    fs::remove_file(&account_path).map_err(RocksdbLogStoreError::io(&account_path))?;
    Ok(losses)
}

/// Cuts a file from `from` to `to` bytes, logs that, and adds it to `losses`. Does nothing if the lengths are the same.
fn cut(path: &Path, from: u64, to: u64, losses: &mut Vec<AcceptedLoss>) -> Result<(), RocksdbLogStoreError> {
    if from == to {
        return Ok(());
    }
    tracing::error!(file = %path.display(), from, to, "cutting off a damaged file");
    truncate(path, to).map_err(RocksdbLogStoreError::io(path))?;
    losses.push(AcceptedLoss {
        file: path.to_path_buf(),
        from,
        to,
    });
    Ok(())
}
