//! Opening a database for reading alone, even while a node replaces its files.
//!
//! RocksDB reads the MANIFEST, opens the tables that it names, and replays the WALs that it then finds. A running node
//! deletes files meanwhile, which has two effects:
//!
//! - RocksDB does not find a file, and returns an error as if the file were damaged.
//! - RocksDB misses a WAL without an error, because the node has flushed and deleted the WAL after RocksDB has read the
//!   MANIFEST, and before RocksDB looks for WALs. The opened database then shows neither the WAL nor the new table.
//!
//! A node changes the MANIFEST before it deletes a file. So an opening counts only if the MANIFEST stayed the same
//! until RocksDB had looked for WALs. Otherwise the database is opened again. Damage is what persists.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rocksdb::{DB, InfoLogger, LogLevel, Options};

use super::error::RocksdbLogStoreError;
use super::open::{LOG_CF, META_CF, db_options, log_cf_options, meta_cf_options};
use super::synced::account_file::Account;
use super::wal::files::{CURRENT, manifest_number, manifest_path};
use super::wal::mark::Position;
use crate::support::lock::lock;

/// How long [`open_db_read_only`] tries to open a database whose files a node replaces all the time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often in a row the same error must come before it counts as damage, even though files are replaced meanwhile.
const PERSISTENT: usize = 3;

/// Opens a database with [`LOG_CF`] and [`META_CF`] for reading alone, even while a node has the database open. Use
/// this for tools such as [`groups`](super::groups()) and [`verify`](super::verify()).
///
/// The result shows the database as it was when it was opened, without what a running node still has in its
/// queue. The database is not changed.
///
/// # Errors
///
/// - [`RocksdbLogStoreError::Io`] if there is no database at the path, if the directory or the file `RAFT_SYNCED`
///   cannot be read, or if a running node replaced files during each try for 30 seconds.
/// - [`RocksdbLogStoreError::BehindSynced`] if the database lacks acknowledged writes.
/// - [`RocksdbLogStoreError::Rocksdb`] if RocksDB cannot open the database, for example because its files are damaged,
///   or because it lacks one of the two column families. That a running node replaces files is no error: the database
///   is opened again until all files fit together.
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
    let start = Instant::now();
    let mut errors = Vec::new();
    while start.elapsed() < PATIENCE {
        let files = Files::of(path)?;
        let (opened, seen) = open_once(path);
        match opened {
            Ok(db) if seen.is_unchanged() => return Ok(db),
            Ok(_) => errors.clear(),
            Err(error) if Files::of(path)? == files => return Err(error),
            Err(error) => {
                let text = error.to_string();
                errors.retain(|earlier| *earlier == text);
                errors.push(text);
                if errors.len() == PERSISTENT {
                    return Err(error);
                }
            }
        }
    }
    let source = io::Error::new(
        io::ErrorKind::TimedOut,
        "files of the database were replaced all the time",
    );
    Err(RocksdbLogStoreError::io(path)(source))
}

/// Opens the database once. Also returns what the MANIFEST was meanwhile.
fn open_once(path: &Path) -> (Result<DB, RocksdbLogStoreError>, SeenManifest) {
    let before = current_end(path);
    let seen = Arc::new(Mutex::new(SeenManifest::default()));
    let mut options = db_options();
    options.create_if_missing(false);
    options.create_missing_column_families(false);
    // By default, RocksDB starts 16 threads for each column family, which takes ten times as long as to open the few
    // tables of a log. The longer it takes, the more often the MANIFEST changes meanwhile.
    options.set_max_file_opening_threads(1);
    let look = {
        let (seen, path) = (seen.clone(), path.to_path_buf());
        move |_, message: &str| lock(&seen).look(&path, message)
    };
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Info, look));
    let opened = open_and_check(path, &options);
    let mut seen = *lock(&seen);
    seen.first.get_or_insert(before);
    seen.last.get_or_insert_with(|| current_end(path));
    (opened, seen)
}

/// The end of the MANIFEST before RocksDB has read it, and after RocksDB has looked for WALs. An inner `None` is a MANIFEST that
/// could not be read.
#[derive(Clone, Copy, Default)]
struct SeenManifest {
    first: Option<Option<Position>>,
    last: Option<Option<Position>>,
}

impl SeenManifest {
    /// Looks at the MANIFEST if `message`, which RocksDB logs, tells that the moment has come. If RocksDB logs no such
    /// message, [`open_once`] looks before and after the whole opening, which may take much longer, because RocksDB
    /// replays the WALs.
    fn look(&mut self, path: &Path, message: &str) {
        if let Some((_, manifest)) = message.split_once("Recovering from manifest file: ") {
            // RocksDB has read CURRENT, which may name another MANIFEST by now.
            let number = manifest
                .trim_end()
                .rsplit_once("MANIFEST-")
                .and_then(|(_, number)| number.parse().ok());
            self.first.get_or_insert_with(|| end_of_manifest(path, number?));
        } else if message.contains("Recovering log #") {
            self.last.get_or_insert_with(|| current_end(path));
        }
    }

    fn is_unchanged(&self) -> bool {
        self.first.flatten().is_some() && self.first == self.last
    }
}

fn open_and_check(path: &Path, options: &Options) -> Result<DB, RocksdbLogStoreError> {
    // Read the account first: a running node may acknowledge more while the database is opened. A later account would
    // then name writes that the opened database does not show.
    let account = Account::read(path)?;
    // A running node always has a WAL.
    let error_if_wal_exists = false;
    let families = [(LOG_CF, log_cf_options()), (META_CF, meta_cf_options())];
    let db = DB::open_cf_with_opts_for_read_only(options, path, families, error_if_wal_exists)?;
    if let Some(account) = account {
        account.check(&db)?;
    }
    Ok(db)
}

/// Returns the end of the MANIFEST that `CURRENT` names, or `None` if `CURRENT` or the MANIFEST cannot be read.
fn current_end(path: &Path) -> Option<Position> {
    end_of_manifest(path, manifest_number(path).ok()??)
}

/// Returns the number and the length of a MANIFEST. If both stay the same, the MANIFEST does: RocksDB only appends to a
/// MANIFEST, and never uses a number twice.
fn end_of_manifest(path: &Path, file: u64) -> Option<Position> {
    let length = manifest_path(path, file).metadata().ok()?.len();
    Some(Position { file, length })
}

/// The files of a database at one moment.
#[derive(PartialEq, Eq)]
struct Files {
    manifest: Option<Position>,
    names: BTreeSet<OsString>,
}

impl Files {
    fn of(path: &Path) -> Result<Self, RocksdbLogStoreError> {
        let names = fs::read_dir(path).and_then(|files| files.map(|file| Ok(file?.file_name())).collect());
        Ok(Self {
            manifest: current_end(path),
            names: names.map_err(RocksdbLogStoreError::io(path))?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::log_store::wal::files::{newest_wal, wal_path};

    /// A database that a node has open, and whose only record is in the WAL.
    fn node(dir: &Path) -> DB {
        let node = DB::open(&db_options(), dir).unwrap();
        node.put("key", "value").unwrap();
        node
    }

    /// Opens the database for reading as [`open_once`] does, and calls `act` when RocksDB has logged a message with
    /// `text` for the first time. Also returns all messages.
    fn open_and_act(
        dir: &Path,
        text: &'static str,
        act: impl Fn() + Send + Sync + 'static,
    ) -> (Result<DB, rocksdb::Error>, SeenManifest, Vec<String>) {
        let seen = Arc::new(Mutex::new((SeenManifest::default(), Vec::<String>::new())));
        let mut options = db_options();
        options.create_if_missing(false);
        let look = {
            let (seen, path) = (seen.clone(), dir.to_path_buf());
            move |_, message: &str| {
                let mut seen = lock(&seen);
                seen.0.look(&path, message);
                if message.contains(text) && !seen.1.iter().any(|earlier| earlier.contains(text)) {
                    act();
                }
                seen.1.push(message.to_owned());
            }
        };
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Info, look));
        let opened = DB::open_cf_for_read_only(&options, dir, ["default"], false);
        let (seen, log) = lock(&seen).clone();
        (opened, seen, log)
    }

    #[test]
    fn rocksdb_names_the_manifest_before_it_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        drop(node(dir.path()));
        let manifest = current_end(dir.path()).unwrap();
        let path = manifest_path(dir.path(), manifest.file);
        let remove = {
            let path = path.clone();
            move || fs::remove_file(&path).unwrap()
        };
        let (opened, seen, _) = open_and_act(dir.path(), "Recovering from manifest file: ", remove);
        assert!(opened.unwrap_err().to_string().contains(path.to_str().unwrap()));
        assert!(seen.first == Some(Some(manifest)));
    }

    #[test]
    fn rocksdb_looks_for_wals_before_it_replays_the_first_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(node(dir.path()));
        let later = dir.path().join("999999.log");
        let create = move || fs::write(&later, "").unwrap();
        let (opened, seen, log) = open_and_act(dir.path(), "Recovering log #", create);
        assert_eq!(opened.unwrap().get("key").unwrap().unwrap(), b"value");
        assert!(!log.iter().any(|message| message.contains("Recovering log #999999")));
        assert!(seen.is_unchanged());
    }

    /// RocksDB opens the database without an error, and without the record.
    #[test]
    fn a_wal_that_is_flushed_between_the_manifest_and_the_wals_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let node = node(dir.path());
        let wal = newest_wal(dir.path()).unwrap().0;
        let wal = wal_path(dir.path(), wal);
        let flush = move || {
            node.flush().unwrap();
            let start = Instant::now();
            while wal.exists() {
                assert!(start.elapsed() < PATIENCE, "the WAL stays");
            }
        };
        let (opened, seen, _) = open_and_act(dir.path(), "Recovered from manifest file:", flush);
        assert_eq!(opened.unwrap().get("key").unwrap(), None);
        assert!(!seen.is_unchanged());
    }
}
