//! The account: the file `RAFT_SYNCED` in the directory of a database. It records how far the WAL and the MANIFEST are
//! durable. The lock on this file keeps a second process from opening log stores in the database.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::DB;

use crate::log_store::error::RocksdbLogStoreError;
use crate::log_store::wal::files::{current_manifest, newest_wal};
use crate::log_store::wal::manifest::Manifest;
use crate::log_store::wal::mark::Position;
use crate::log_store::wal::scan::Scan;

/// The name of the field with the id of the process that wrote the account.
const PID: &str = "pid=";

/// How long [`AccountFile::lock`] waits for the lock: [`AccountFile::holder`] and `recover` have it for a moment.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often [`Account::read`] reads an invalid account: a running log store may have overwritten it just then.
const TRIES: usize = 10;

/// How far the files of a database were durable after the last sync of a log store. Every number is a lower bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::log_store) struct Account {
    pub(in crate::log_store) wal: Position,
    pub(in crate::log_store) manifest: Position,
    /// The last durable operation of a log store, or `None` if there was none yet.
    pub(in crate::log_store) last: Option<LastOperation>,
}

/// An operation that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log_store) struct LastOperation {
    /// RocksDB's sequence number of the operation.
    ///
    /// RocksDB forgets this number only together with the column family: it keeps the operation in the WAL until the
    /// column family is flushed, and a flush stores the largest sequence number of the flushed operations in the
    /// MANIFEST.
    pub(in crate::log_store) sequence: u64,
    /// RocksDB's number of the column family that the operation is on.
    pub(in crate::log_store) column_family: u32,
}

impl Account {
    /// Reads the account of the database in `dir`. Returns `None` if there is no account, or if the file does not
    /// contain a valid one.
    ///
    /// # Errors
    ///
    /// [`Io`](RocksdbLogStoreError::Io) if the file exists and cannot be read.
    pub(in crate::log_store) fn read(dir: &Path) -> Result<Option<Self>, RocksdbLogStoreError> {
        let path = AccountFile::path(dir);
        for _ in 0..TRIES {
            let line = match fs::read(&path) {
                Ok(line) => line,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(RocksdbLogStoreError::io(&path)(e)),
            };
            let account = str::from_utf8(&line).ok().and_then(Self::parse);
            // Log no warning about a file that is empty or contains only zeros: `clear` empties the file,
            // and a power failure right after the file was created may leave it empty or full of zeros.
            if account.is_some() || line.iter().all(|&byte| byte == 0) {
                return Ok(account);
            }
        }
        // Do not refuse the database: its other files may be intact, and the marks in the WAL can still be compared.
        tracing::warn!(
            path = %path.display(),
            "cannot read what was synced: damage to the end of the log may go unnoticed"
        );
        Ok(None)
    }

    /// Checks that `db` has the last operation that was durable according to the account.
    ///
    /// # Errors
    ///
    /// - [`BehindSynced`](RocksdbLogStoreError::BehindSynced) if RocksDB's last sequence number is lower than that of
    ///   the operation, although the operation's column family exists.
    /// - [`Io`](RocksdbLogStoreError::Io) if the MANIFEST cannot be read.
    pub(in crate::log_store) fn check(&self, db: &DB) -> Result<(), RocksdbLogStoreError> {
        let sequence = db.latest_sequence_number();
        let Some(last) = self.last.filter(|last| sequence < last.sequence) else {
            return Ok(());
        };
        let manifest = current_manifest(db.path()).and_then(|(_, file)| Manifest::read(file));
        let (_, manifest) = manifest.map_err(RocksdbLogStoreError::io(db.path()))?;
        if manifest.has_column_family(last.column_family) {
            return Err(RocksdbLogStoreError::BehindSynced {
                path: db.path().to_path_buf(),
                sequence,
                synced: last.sequence,
            });
        }
        Ok(())
    }

    /// Creates the account of a new database in `dir`, whose files are all durable. `last` is the last operation that
    /// the database must have.
    ///
    /// # Errors
    ///
    /// [`Io`](RocksdbLogStoreError::Io) if a file cannot be read or written.
    pub(in crate::log_store) fn create(dir: &Path, last: Option<LastOperation>) -> Result<(), RocksdbLogStoreError> {
        let intact = |number, file| {
            let scan = Scan::read(file, 0, |_| {})?;
            Ok(Position {
                file: number,
                length: scan.intact,
            })
        };
        let wal = match newest_wal(dir).and_then(|(number, file)| intact(number, file)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Position::default()),
            wal => wal,
        };
        let manifest = current_manifest(dir).and_then(|(number, file)| intact(number, file));
        let account = Self {
            wal: wal.map_err(RocksdbLogStoreError::io(dir))?,
            manifest: manifest.map_err(RocksdbLogStoreError::io(dir))?,
            last,
        };
        let mut file = AccountFile::lock(dir)?;
        let written = file.write(&account).and_then(|()| file.settle(&account));
        written.map_err(RocksdbLogStoreError::io(&AccountFile::path(dir)))
    }

    fn parse(line: &str) -> Option<Self> {
        let fields = checked_fields(line)?;
        let mut fields = fields.split(' ').map(|field| field.rsplit_once('=')?.1.parse().ok());
        let mut next = || fields.next().flatten();
        let mut position = || {
            Some(Position {
                file: next()?,
                length: next()?,
            })
        };
        let (wal, manifest) = (position()?, position()?);
        let (sequence, column_family) = (next()?, next());
        // An earlier release wrote a sequence number without a column family. RocksDB may have forgotten that number.
        let column_family = column_family.and_then(|number| number.try_into().ok());
        let last = column_family
            .filter(|_| sequence > 0)
            .map(|column_family| LastOperation {
                sequence,
                column_family,
            });
        Some(Self { wal, manifest, last })
    }

    /// Returns the account as one line that a person can read. All lines have the same length, because an account is
    /// overwritten in place.
    fn line(&self) -> String {
        let Self { wal, manifest, last } = self;
        let (sequence, column_family) = last.map_or((0, 0), |last| (last.sequence, last.column_family));
        let fields = format!(
            "wal={:020} length={:020} manifest={:020} length={:020} sequence={sequence:020} cf={column_family:010} \
             {PID}{:010}",
            wal.file,
            wal.length,
            manifest.file,
            manifest.length,
            process::id(),
        );
        let crc = crc32c::crc32c(fields.as_bytes());
        format!("{fields} {crc:08x}\n")
    }
}

/// Locks the account. Waits up to [`PATIENCE`] for a process that only looks whether the account is locked.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => thread::sleep(PATIENCE / 20),
            locked => return locked,
        }
    }
}

/// Returns the fields of an account, or `None` if the checksum after them does not fit.
fn checked_fields(line: &str) -> Option<&str> {
    let (fields, crc) = line.trim_end().rsplit_once(' ')?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    (crc == crc32c::crc32c(fields.as_bytes())).then_some(fields)
}

/// The open file `RAFT_SYNCED` with an exclusive lock on it. At any time, at most one `AccountFile` exists for a
/// directory, in all processes together.
pub(in crate::log_store) struct AccountFile {
    file: File,
}

impl AccountFile {
    pub(in crate::log_store) fn path(dir: &Path) -> PathBuf {
        dir.join("RAFT_SYNCED")
    }

    /// Opens the file, creates it if there is none, and locks it.
    ///
    /// # Errors
    ///
    /// [`InUse`](RocksdbLogStoreError::InUse) if the file is locked already, and [`Io`](RocksdbLogStoreError::Io) if it
    /// cannot be opened or locked.
    pub(in crate::log_store) fn lock(dir: &Path) -> Result<Self, RocksdbLogStoreError> {
        let path = Self::path(dir);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        match file.map(|file| (try_lock(&file), file)) {
            Ok((Ok(()), file)) => Ok(Self { file }),
            Ok((Err(TryLockError::WouldBlock), _)) => Err(RocksdbLogStoreError::InUse {
                path: dir.to_path_buf(),
                pid: Self::pid(dir),
            }),
            Ok((Err(TryLockError::Error(e)), _)) | Err(e) => Err(RocksdbLogStoreError::io(&path)(e)),
        }
    }

    /// Returns the id of the process that holds the lock on the account of the database in `dir`. Returns `None` if no
    /// process holds it, or if its holder has written no account yet.
    pub(in crate::log_store) fn holder(dir: &Path) -> Option<u32> {
        let file = File::open(Self::path(dir)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Self::pid(dir),
            _ => None,
        }
    }

    /// Returns the id of the process that wrote the account of the database in `dir`.
    fn pid(dir: &Path) -> Option<u32> {
        let line = fs::read_to_string(Self::path(dir)).ok()?;
        let mut fields = checked_fields(&line)?.split(' ');
        fields.find_map(|field| field.strip_prefix(PID)?.parse().ok())
    }

    /// Overwrites the account, without a sync.
    pub(super) fn write(&mut self, account: &Account) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(account.line().as_bytes())
    }

    /// Cuts off what the file contains after `account`, which was written before, and syncs the file. Later accounts
    /// have the same length and are written over this one.
    pub(super) fn settle(&self, account: &Account) -> io::Result<()> {
        self.file.set_len(account.line().len() as u64)?;
        self.file.sync_all()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Empties the file durably.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_all()
    }
}

impl Drop for AccountFile {
    fn drop(&mut self) {
        // Unlock the file explicitly. Closing it does not unlock it while a child process that is just being started
        // still has a copy of the descriptor. Ignore the outcome: nobody could act on it.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_while_it_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = AccountFile::lock(dir.path()).unwrap();
        let account = |length: u64| Account {
            wal: Position { file: 7, length },
            ..Account::default()
        };
        file.write(&account(0)).unwrap();
        thread::scope(|scope| {
            let write = scope.spawn(move || {
                for length in 0..100_000 {
                    file.write(&account(length)).unwrap();
                }
            });
            while !write.is_finished() {
                assert!(Account::read(dir.path()).unwrap().is_some());
            }
        });
    }
}
