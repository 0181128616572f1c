use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::RocksdbLogStoreError;
use super::scan::Scan;
use super::synced::{Lock, SYNCED_FILE, Synced, manifest_number, manifest_path, wal_number};

/// Makes sure, before the database in `path` is opened, that nothing is missing of what log stores
/// acknowledged, and cuts off what a power failure left behind it.
///
/// [`open_db`](super::open_db) does it by itself. Call it before you open a database yourself:
/// RocksDB takes some damage to its WAL or MANIFEST for the end of the file, drops what lies
/// behind it, and deletes the evidence. And what a power failure leaves of a write that was never
/// synced may look like damage to RocksDB, so that it refuses a log that lacks nothing.
///
/// A `path` without a database is fine. What was written without the WAL, or to WALs in another
/// directory than the database's, is beyond this check. It reads all WALs, as RocksDB does next.
///
/// # Errors
///
/// - [`Damaged`](RocksdbLogStoreError::Damaged) and
///   [`MissingFile`](RocksdbLogStoreError::MissingFile) when something that was acknowledged is
///   not there any more. Nothing was changed.
/// - [`InUse`](RocksdbLogStoreError::InUse) when another process has log stores open in it.
/// - [`Io`](RocksdbLogStoreError::Io) when a file cannot be read.
pub fn recover(path: impl AsRef<Path>) -> Result<(), RocksdbLogStoreError> {
    use RocksdbLogStoreError::{Damaged, InUse, MissingFile};

    let dir = path.as_ref();
    let recovered = recover_dir(dir);
    // What is missing may be a file that a log store has replaced meanwhile.
    if let Err(Damaged { .. } | MissingFile(_)) = recovered
        && dir.join(SYNCED_FILE).exists()
        && let Err(in_use @ InUse(_)) = Lock::take(dir)
    {
        return Err(in_use);
    }
    recovered
}

fn recover_dir(dir: &Path) -> Result<(), RocksdbLogStoreError> {
    let files = match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files.map_err(|source| io_error(dir, source))?,
    };
    let files: Vec<_> = files.into_iter().map(|file| file.path()).collect();

    let number = match manifest_number(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return recover_nothing(dir, &files),
        // What else is wrong with it, RocksDB says.
        number => number.ok().flatten(),
    };
    // Before all else: a log store that runs may write more at any time.
    let known = Synced::read(dir)?;
    if let Some(number) = number {
        recover_manifest(dir, number, known.as_ref())?;
    }
    recover_wals(dir, &files, known.as_ref())
}

/// RocksDB would create a database.
fn recover_nothing(dir: &Path, files: &[PathBuf]) -> Result<(), RocksdbLogStoreError> {
    // The first file of all: a crash comes before CURRENT when RocksDB creates a database.
    let first = manifest_path(dir, 1);
    let is_data = |path: &PathBuf| {
        let manifest = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("MANIFEST-"));
        (manifest && *path != first) || path.extension().is_some_and(|e| e == "sst") || wal_number(path).is_some()
    };
    if files.iter().any(is_data) {
        return Err(RocksdbLogStoreError::MissingFile(dir.join("CURRENT")));
    }
    // The account of a database that was destroyed.
    let path = dir.join(SYNCED_FILE);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(&path, source)),
        _ => Ok(()),
    }
}

fn recover_manifest(dir: &Path, number: u64, known: Option<&Synced>) -> Result<(), RocksdbLogStoreError> {
    let path = manifest_path(dir, number);
    let synced = known.map(|known| known.manifest);
    if let Some(synced) = synced.filter(|synced| synced.file > number) {
        return Err(RocksdbLogStoreError::MissingFile(manifest_path(dir, synced.file)));
    }
    // RocksDB says what is wrong with one that is not there.
    let Some(scan) = scan(&path)? else { return Ok(()) };
    let synced = synced.filter(|synced| synced.file == number);
    let needed = match synced {
        // Damage; or one of several records that were to be synced at once is lost, which nothing tells
        // from it. To cut it off could lose a flush whose WAL is deleted.
        _ if scan.resumes => scan.length,
        Some(synced) => synced.length,
        None => return Ok(()),
    };
    check(&path, &scan, needed)?;
    if scan.intact < scan.length && !scan.torn {
        let _lock = Lock::take(dir)?;
        cut(&path, &scan, scan.intact)?;
    }
    Ok(())
}

fn recover_wals(dir: &Path, files: &[PathBuf], known: Option<&Synced>) -> Result<(), RocksdbLogStoreError> {
    let mut wals = BTreeMap::new();
    for path in files {
        // RocksDB deletes those that it does not need.
        if let Some(number) = wal_number(path)
            && let Some(scan) = scan(path)?
        {
            wals.insert(number, (path, scan));
        }
    }
    let in_wals = wals.values().filter_map(|(_, scan)| scan.synced).max();
    // Nothing is known of a database that never had a log store.
    let Some(synced) = known.map(|known| known.wal).max(in_wals) else {
        return Ok(());
    };

    // A WAL is not needed any more when there is a later one, else RocksDB misses it too.
    if synced.length > 0 && wals.range(synced.file..).next().is_none() {
        let path = dir.join(format!("{:06}.log", synced.file));
        return Err(RocksdbLogStoreError::MissingFile(path));
    }
    for (number, (path, scan)) in &wals {
        // A sync is one of all earlier WALs too.
        let needed = match number.cmp(&synced.file) {
            std::cmp::Ordering::Less => scan.length,
            std::cmp::Ordering::Equal => synced.length,
            std::cmp::Ordering::Greater => 0,
        };
        check(path, scan, needed)?;
    }

    // What lies behind was never synced, and a power failure may leave any part of it. RocksDB would
    // refuse it, or take later parts without the earlier ones.
    let follows = |number: u64, scan: &Scan| match &scan.first_mark {
        // The first batch in a WAL says how long the one before it was.
        Some(mark) if synced.file < number && mark.synced.file < number => wals
            .get(&mark.synced.file)
            .is_none_or(|(_, before)| before.intact >= mark.written),
        _ => true,
    };
    let mut rest = wals
        .iter()
        .map(|(number, (path, scan))| (path, scan, follows(*number, scan)))
        .skip_while(|(_, scan, follows)| scan.intact == scan.length && *follows);
    let Some((path, scan, follows)) = rest.next() else {
        return Ok(());
    };
    let later: Vec<_> = rest.filter(|(_, scan, _)| scan.length > 0).collect();
    if scan.torn && follows && later.is_empty() {
        // This it drops by itself.
        return Ok(());
    }
    let _lock = Lock::take(dir)?;
    // The last one first: should this be interrupted, no hole is left.
    for (path, scan, _) in later.into_iter().rev() {
        cut(path, scan, 0)?;
    }
    cut(path, scan, if follows { scan.intact } else { 0 })
}

fn check(path: &Path, scan: &Scan, needed: u64) -> Result<(), RocksdbLogStoreError> {
    match scan.intact < needed {
        false => Ok(()),
        true => Err(RocksdbLogStoreError::Damaged {
            file: path.to_path_buf(),
            intact: scan.intact,
            synced: needed,
        }),
    }
}

fn scan(path: &Path) -> Result<Option<Scan>, RocksdbLogStoreError> {
    match File::open(path).and_then(|file| Scan::read(file, 0)) {
        Ok(scan) => Ok(Some(scan)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error(path, source)),
    }
}

fn cut(path: &Path, scan: &Scan, length: u64) -> Result<(), RocksdbLogStoreError> {
    tracing::warn!(
        file = %path.display(), from = scan.length, to = length,
        "cutting off what was written but never synced"
    );
    let file = File::options().write(true).open(path);
    file.and_then(|file| {
        file.set_len(length)?;
        file.sync_all()
    })
    .map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> RocksdbLogStoreError {
    RocksdbLogStoreError::Io {
        path: path.to_path_buf(),
        source,
    }
}
