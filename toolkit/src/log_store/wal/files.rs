//! The files of a database: `000012.log` is a WAL, `CURRENT` names the MANIFEST in use, and `OPTIONS-000007` contains
//! the options with which the database was opened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file that names the current MANIFEST.
pub(in crate::log_store) const CURRENT: &str = "CURRENT";

/// How often [`retry`] calls a search for a file at most.
const TRIES: usize = 100;

/// Returns the number of the WAL at `path`, or `None` if the name of the file is not that of a WAL.
pub(in crate::log_store) fn wal_number(path: &Path) -> Option<u64> {
    let is_wal = path.extension().is_some_and(|e| e == "log");
    path.file_stem().filter(|_| is_wal)?.to_str()?.parse().ok()
}

/// Returns the path of the WAL `number`.
pub(in crate::log_store) fn wal_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:06}.log"))
}

/// Returns the number of the MANIFEST that `CURRENT` names, or `None` if the content of `CURRENT` is not the name of a
/// MANIFEST.
///
/// # Errors
///
/// [`NotFound`](io::ErrorKind::NotFound) if `CURRENT` does not exist, as in a directory without a database. Any other
/// error of reading `CURRENT`.
pub(in crate::log_store) fn manifest_number(dir: &Path) -> io::Result<Option<u64>> {
    let name = fs::read_to_string(dir.join(CURRENT))?;
    Ok(name.trim_end().strip_prefix("MANIFEST-").and_then(|n| n.parse().ok()))
}

/// Returns the path of the MANIFEST `number`.
pub(in crate::log_store) fn manifest_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("MANIFEST-{number:06}"))
}

/// Opens the last WAL that RocksDB has written to, and returns it with its number. If all WALs are empty, this returns
/// the first one.
///
/// A WAL with a higher number may be empty: with `async_wal_precreate`, RocksDB creates the next WAL in advance, and
/// the file stays empty until RocksDB starts to write to it. To report a position in that file would claim that the WAL
/// before it is complete.
pub(in crate::log_store) fn newest_wal(dir: &Path) -> io::Result<(u64, File)> {
    retry(|| {
        let mut wals = numbered_files(dir, wal_number)?;
        let mut first_empty = None;
        while let Some((number, path)) = wals.pop_last() {
            let wal = File::open(path)?;
            if wal.metadata()?.len() > 0 {
                return Ok((number, wal));
            }
            first_empty = Some((number, wal));
        }
        first_empty.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the directory has no WAL"))
    })
}

/// Opens the MANIFEST that `CURRENT` names, and returns it with its number.
pub(in crate::log_store) fn current_manifest(dir: &Path) -> io::Result<(u64, File)> {
    retry(|| {
        let number = manifest_number(dir)?.ok_or_else(|| io::Error::other("CURRENT does not name a MANIFEST"))?;
        Ok((number, File::open(manifest_path(dir, number))?))
    })
}

/// Opens the newest OPTIONS file, and returns it with its number. It contains the options with which the database was
/// opened, and those that were changed since.
pub(in crate::log_store) fn newest_options(dir: &Path) -> io::Result<(u64, File)> {
    retry(|| {
        let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix("OPTIONS-")?.parse().ok();
        let newest = numbered_files(dir, number)?.pop_last();
        let none = || io::Error::new(io::ErrorKind::NotFound, "the directory has no OPTIONS file");
        let (number, path) = newest.ok_or_else(none)?;
        Ok((number, File::open(path)?))
    })
}

/// Returns the files in `dir` to which `number` gives a number, in the order of their numbers.
fn numbered_files(dir: &Path, number: impl Fn(&Path) -> Option<u64>) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut files = BTreeMap::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if let Some(number) = number(&path) {
            files.insert(number, path);
        }
    }
    Ok(files)
}

/// Syncs the directory, so that the names of its files are durable.
pub(in crate::log_store) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Cuts the file to `length` bytes, durably.
pub(in crate::log_store) fn truncate(path: &Path, length: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

/// Calls `find` up to [`TRIES`] times, as long as it returns `NotFound`: RocksDB may delete a file after its name was
/// read and before the file is opened.
fn retry<T>(find: impl Fn() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match find() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
    }
    find()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn files_are_found_while_they_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let options_path = |number: u64| dir.join(format!("OPTIONS-{number:06}"));
        let create = |number: u64| {
            fs::write(wal_path(dir, number), "").unwrap();
            fs::write(manifest_path(dir, number), "").unwrap();
            fs::write(options_path(number), "").unwrap();
            fs::write(dir.join("temporary"), format!("MANIFEST-{number:06}\n")).unwrap();
            fs::rename(dir.join("temporary"), dir.join(CURRENT)).unwrap();
        };
        create(0);
        thread::scope(|scope| {
            let replace = scope.spawn(|| {
                for number in 1..2_000 {
                    create(number);
                    fs::remove_file(wal_path(dir, number - 1)).unwrap();
                    fs::remove_file(manifest_path(dir, number - 1)).unwrap();
                    fs::remove_file(options_path(number - 1)).unwrap();
                }
            });
            while !replace.is_finished() {
                newest_wal(dir).unwrap();
                current_manifest(dir).unwrap();
                newest_options(dir).unwrap();
            }
        });
    }
}
