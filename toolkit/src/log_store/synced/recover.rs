//! The check of a database's files before RocksDB opens them.
//!
//! Each file has two parts. The first part is known to be durable: damage in it is an error. The second part may have
//! been written without becoming durable, so that a power failure may have left it in any state. The second part is cut
//! off where it is not intact, because nothing in it was acknowledged. Only a record that is cut off at the very end of
//! the last WAL or of the MANIFEST is left to RocksDB, which drops it.
//!
//! The MANIFEST says which WALs RocksDB still needs. Earlier WALs may be gone, or still be there in any state: RocksDB
//! deletes them at some later time, and a power failure may undo a deletion.
//!
//! All files are checked before the first one is changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::account_file::{Account, AccountFile};
use super::in_use::lock_closed;
use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::files::{CURRENT, manifest_number, manifest_path, truncate, wal_number, wal_path};
use crate::log_store::wal::manifest::Manifest;
use crate::log_store::wal::mark::{Mark, Marks, Position};
use crate::log_store::wal::scan::Scan;

/// Checks, before the database in `path` is opened, that nothing is missing of what log stores acknowledged. Cuts off
/// damaged remains of writes that were never synced.
///
/// [`open_db`](crate::log_store::open_db) and [`open_db_with`](crate::log_store::open_db_with) call this function. Call
/// it yourself before you open a database in another way, for two reasons:
///
/// - RocksDB treats some damage to its WAL or MANIFEST as the end of the file. It drops everything after the damage,
///   and deletes the evidence.
/// - RocksDB refuses some logs that lack nothing, because the remains of a write that was never synced may look like
///   damage.
///
/// If there is no database at `path`, this removes a `RAFT_SYNCED` that was left there, and succeeds. The check does
/// not cover data that was written without the WAL, or WALs in another directory than the database's. It reads all
/// WALs, as RocksDB does when it opens the database.
///
/// # Errors
///
/// - [`Damaged`](RocksdbLogStoreError::Damaged) if a file is damaged or cut off in its durable part, and
///   [`MissingFile`](RocksdbLogStoreError::MissingFile) if `CURRENT` or a file with acknowledged data is gone. The
///   damaged file was not changed.
/// - [`InUse`](RocksdbLogStoreError::InUse) if this process or another one has the database open, and the files look
///   damaged. If the files look intact, this succeeds, and RocksDB refuses to open the database a second time.
/// - [`Io`](RocksdbLogStoreError::Io) if the directory, `RAFT_SYNCED`, a WAL or the MANIFEST cannot be read, or if a
///   file cannot be locked, cut off or removed.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::{LOG_CF, META_CF, db_options, log_cf_options, meta_cf_options, recover};
/// use openraft_toolkit::rocksdb::DB;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// recover(path)?;
/// let column_families = [(LOG_CF, log_cf_options()), (META_CF, meta_cf_options())];
/// let db = DB::open_cf_with_opts(&db_options(), path, column_families)?;
/// # Ok(())
/// # }
/// ```
pub fn recover(path: impl AsRef<Path>) -> Result<(), RocksdbLogStoreError> {
    use RocksdbLogStoreError::{Damaged, InUse, MissingFile};

    let dir = path.as_ref();
    let recovered = recover_dir(dir);
    let Err(Damaged { .. } | MissingFile(_)) = recovered else {
        return recovered;
    };
    // A running process replaces files, which can look like damage. If the database is open, report `InUse` instead.
    // If it is not, look again, because the process may have ended since the files were read.
    if AccountFile::path(dir).exists()
        && let Err(in_use @ InUse { .. }) = lock_closed(dir)
    {
        return Err(in_use);
    }
    recover_dir(dir)
}

fn recover_dir(dir: &Path) -> Result<(), RocksdbLogStoreError> {
    let Some(files) = files_in(dir)? else { return Ok(()) };
    let number = match manifest_number(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return check_that_nothing_is_there(dir, &files),
        // Ignore any other error, and a malformed CURRENT: RocksDB reports both when it opens the database.
        number => number.ok().flatten(),
    };
    // Read the account before the files: a running log store may extend both at any time, and an account that is read
    // later could say more than the files that were read.
    let account = Account::read(dir)?;
    let manifest = match number {
        Some(number) => ManifestFile::read(dir, number)?,
        None => None,
    };
    let min_wal = manifest.as_ref().map_or(0, |file| file.manifest.min_wal());
    let wals = read_wals(&files, min_wal)?;
    // Without an account and without marks, nothing shows how far the WALs are durable: either no log store has written
    // to these WALs, or the log store that did could not keep an account.
    let marked = wals.values().filter_map(|wal| wal.marks.durable).max();
    let durable = account.as_ref().map(|account| account.wal).max(marked);

    if let Some(manifest) = &manifest {
        manifest.check(dir, account.as_ref())?;
    }
    if let Some(durable) = durable {
        check_wals(dir, &wals, durable, min_wal)?;
    }
    if let Some(manifest) = &manifest {
        manifest.truncate(dir, account.as_ref())?;
    }
    match durable {
        Some(durable) => truncate_wals(dir, &wals, durable),
        None => Ok(()),
    }
}

/// Returns the paths of all files in `dir`, or `None` if there is no such directory.
pub(super) fn files_in(dir: &Path) -> Result<Option<Vec<PathBuf>>, RocksdbLogStoreError> {
    match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(RocksdbLogStoreError::io(dir)(e)),
        Ok(files) => Ok(Some(files.into_iter().map(|file| file.path()).collect())),
    }
}

/// Checks that a directory without CURRENT has no files of a database: RocksDB would create a new database there.
fn check_that_nothing_is_there(dir: &Path, files: &[PathBuf]) -> Result<(), RocksdbLogStoreError> {
    // RocksDB creates this MANIFEST before CURRENT. A crash in between leaves this file, and it holds no data.
    let first_manifest = manifest_path(dir, 1);
    let is_data = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let is_manifest = name.is_some_and(|name| name.starts_with("MANIFEST-"));
        let is_table = path.extension().is_some_and(|e| e == "sst");
        (is_manifest && *path != first_manifest) || is_table || wal_number(path).is_some()
    };
    if files.iter().any(is_data) {
        return Err(RocksdbLogStoreError::MissingFile(dir.join(CURRENT)));
    }
    // An account without a database belongs to a database that was deleted. Remove the account: a new database would
    // look as if it had lost the writes that this account records.
    let path = AccountFile::path(dir);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(RocksdbLogStoreError::io(&path)(e)),
        _ => Ok(()),
    }
}

/// The MANIFEST that `CURRENT` names.
pub(super) struct ManifestFile {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) scan: Scan,
    pub(super) manifest: Manifest,
}

impl ManifestFile {
    /// Reads the MANIFEST `number`. Returns `None` if the file does not exist, which RocksDB reports when it opens the
    /// database.
    pub(super) fn read(dir: &Path, number: u64) -> Result<Option<Self>, RocksdbLogStoreError> {
        let path = manifest_path(dir, number);
        let read = read_if_exists(&path, Manifest::read)?;
        Ok(read.map(|(scan, manifest)| Self {
            number,
            path,
            scan,
            manifest,
        }))
    }

    /// Checks that the MANIFEST is intact as far as it is durable.
    fn check(&self, dir: &Path, account: Option<&Account>) -> Result<(), RocksdbLogStoreError> {
        if let Some(account) = account.filter(|account| account.manifest.file > self.number) {
            return Err(RocksdbLogStoreError::MissingFile(manifest_path(
                dir,
                account.manifest.file,
            )));
        }
        let needed = match self.durable(account) {
            // An intact record follows the damage. Either the file is damaged, or a power failure lost the first of
            // several records of one sync: the two look alike. Refuse, because truncating here could drop a flush whose
            // WAL RocksDB has already deleted.
            _ if self.scan.resumes => self.scan.length,
            Some(length) => length,
            None => 0,
        };
        check_intact(&self.path, &self.scan, needed)
    }

    /// Returns the length up to which this MANIFEST is durable, or `None` if the account does not name this MANIFEST.
    fn durable(&self, account: Option<&Account>) -> Option<u64> {
        let durable = account?.manifest;
        (durable.file == self.number).then_some(durable.length)
    }

    /// Cuts off damage after the durable part. Leaves a torn end, which RocksDB ignores, and leaves the whole MANIFEST
    /// as it is if nothing shows how far it is durable.
    fn truncate(&self, dir: &Path, account: Option<&Account>) -> Result<(), RocksdbLogStoreError> {
        if self.durable(account).is_some() && self.scan.intact < self.scan.length && !self.scan.torn {
            let _lock = lock_closed(dir)?;
            cut_off(&self.path, &self.scan, self.scan.intact)?;
        }
        Ok(())
    }
}

/// A WAL of the database.
pub(super) struct Wal<'f> {
    pub(super) path: &'f Path,
    pub(super) scan: Scan,
    marks: Marks,
}

impl Wal<'_> {
    /// Returns the first mark in this WAL, which has the number `number`, if the mark is about an earlier WAL. RocksDB
    /// then wrote nothing more to that WAL, and had written as much of it as the mark says.
    pub(super) fn mark_of_predecessor(&self, number: u64) -> Option<Mark> {
        self.marks.first.filter(|mark| mark.durable.file < number)
    }
}

/// Reads the WALs that RocksDB will read: those from the number `min_wal` on.
pub(super) fn read_wals(files: &[PathBuf], min_wal: u64) -> Result<BTreeMap<u64, Wal<'_>>, RocksdbLogStoreError> {
    let mut wals = BTreeMap::new();
    for path in files {
        // If another process has the database open, a listed WAL may be gone by now.
        if let Some(number) = wal_number(path).filter(|number| *number >= min_wal)
            && let Some((scan, marks)) = read_if_exists(path, Marks::read)?
        {
            wals.insert(number, Wal { path, scan, marks });
        }
    }
    Ok(wals)
}

/// Checks that the WALs are intact up to `durable`.
fn check_wals(
    dir: &Path,
    wals: &BTreeMap<u64, Wal<'_>>,
    durable: Position,
    min_wal: u64,
) -> Result<(), RocksdbLogStoreError> {
    if durable.length > 0 && durable.file >= min_wal && !wals.contains_key(&durable.file) {
        return Err(RocksdbLogStoreError::MissingFile(wal_path(dir, durable.file)));
    }
    for (number, wal) in wals {
        // Where no mark tells, RocksDB itself reports that an earlier WAL is missing or too short: see
        // `track_and_verify_wals_in_manifest` in `db_options`.
        if let Some(Mark { durable: before, .. }) = wal.mark_of_predecessor(*number)
            && before.file >= min_wal
            && before.length > 0
        {
            match wals.get(&before.file) {
                Some(wal) => check_intact(wal.path, &wal.scan, before.length)?,
                None => return Err(RocksdbLogStoreError::MissingFile(wal_path(dir, before.file))),
            }
        }
        let Wal { path, scan, .. } = wal;
        let needed = match number.cmp(&durable.file) {
            // RocksDB syncs all earlier WALs before it syncs this one, so an earlier WAL is durable as a whole.
            std::cmp::Ordering::Less => scan.length,
            std::cmp::Ordering::Equal => durable.length,
            std::cmp::Ordering::Greater => 0,
        };
        check_intact(path, scan, needed)?;
    }
    Ok(())
}

/// Cuts off the WALs at the first damage or missing end after `durable`, and empties all later WALs. Otherwise RocksDB
/// would refuse the damage, or replay later records without the earlier ones.
fn truncate_wals(dir: &Path, wals: &BTreeMap<u64, Wal<'_>>, durable: Position) -> Result<(), RocksdbLogStoreError> {
    // The first mark in a WAL reports how long the WAL before it was. If that WAL is now shorter, its end is missing,
    // and the records in this WAL do not follow.
    let follows_predecessor = |number: u64, wal: &Wal<'_>| match wal.mark_of_predecessor(number) {
        Some(mark) if durable.file < number => wals
            .get(&mark.durable.file)
            .is_none_or(|before| before.scan.intact >= mark.written),
        _ => true,
    };
    let mut rest = wals
        .iter()
        .map(|(number, wal)| (wal, follows_predecessor(*number, wal)))
        .skip_while(|(wal, follows)| wal.scan.intact == wal.scan.length && *follows);
    let Some((first, follows)) = rest.next() else {
        return Ok(());
    };
    let later: Vec<_> = rest.filter(|(wal, _)| wal.scan.length > 0).collect();
    if first.scan.torn && follows && later.is_empty() {
        // RocksDB drops the torn end of its last WAL by itself.
        return Ok(());
    }
    let _lock = lock_closed(dir)?;
    // Truncate the WALs from the last one backward, so that an interruption never leaves a hole between intact WALs.
    for (wal, _) in later.into_iter().rev() {
        cut_off(wal.path, &wal.scan, 0)?;
    }
    cut_off(first.path, &first.scan, if follows { first.scan.intact } else { 0 })
}

fn check_intact(path: &Path, scan: &Scan, needed: u64) -> Result<(), RocksdbLogStoreError> {
    if scan.intact < needed {
        return Err(RocksdbLogStoreError::Damaged {
            file: path.to_path_buf(),
            intact: scan.intact,
            synced: needed,
        });
    }
    Ok(())
}

/// Reads the file with `read`. Returns `None` if the file does not exist.
fn read_if_exists<T>(path: &Path, read: impl FnOnce(File) -> io::Result<T>) -> Result<Option<T>, RocksdbLogStoreError> {
    match File::open(path).and_then(read) {
        Ok(read) => Ok(Some(read)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(RocksdbLogStoreError::io(path)(e)),
    }
}

/// Cuts off the end of a file that a scan has found not to be intact.
fn cut_off(path: &Path, scan: &Scan, length: u64) -> Result<(), RocksdbLogStoreError> {
    tracing::warn!(
        file = %path.display(), from = scan.length, to = length,
        "cutting off what was written but never synced"
    );
    truncate(path, length).map_err(RocksdbLogStoreError::io(path))
}
