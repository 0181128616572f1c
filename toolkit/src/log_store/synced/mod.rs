//! What is synced, written down where RocksDB does not look, so that damage to the end of a file
//! differs from an end that was never synced.
//!
//! Only the writer knows up to where its WAL is synced. It says so twice:
//!
//! - in the file `RAFT_SYNCED`, overwritten after each sync and before anything is acknowledged. It
//!   is not synced itself, which would double the price of a write: after a power failure it may
//!   be older than the WAL, never newer;
//! - in each batch that it writes to the WAL, of all that came before.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rocksdb::{DB, WriteOptions};

use super::RocksdbLogStoreError;
use super::batch::Batch;
use super::scan::Scan;
use super::weak_options::{hides_wal, weak_options};

/// The name of the file, in the directory of the database.
pub(super) const SYNCED_FILE: &str = "RAFT_SYNCED";

/// How a [`Mark`] in a batch starts.
const MAGIC: &[u8; 8] = b"raft-syn";

/// An operation of RocksDB's that goes into the WAL and nowhere else, of 32 bytes.
const LOG_DATA: [u8; 2] = [3, 32];

/// A length of a numbered file of RocksDB's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) file: u64,
    pub(super) length: u64,
}

/// What a batch says of what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) synced: Position,
    /// The length to which the same WAL was written.
    pub(super) written: u64,
}

impl Mark {
    /// The length of [`operation`](Self::operation).
    pub(super) const BYTES: usize = 34;

    /// The operation of a batch that goes into the WAL and nowhere else, with the mark.
    pub(super) fn operation(self) -> [u8; Self::BYTES] {
        let Self { synced, written } = self;
        let mut operation = [0; Self::BYTES];
        let parts = [
            &LOG_DATA,
            MAGIC.as_slice(),
            &synced.file.to_le_bytes(),
            &synced.length.to_le_bytes(),
            &written.to_le_bytes(),
        ];
        operation.copy_from_slice(&parts.concat());
        operation
    }

    /// The mark in a record of the WAL of which `head` is the start.
    pub(super) fn in_record(head: &[u8]) -> Option<Self> {
        // A batch is its sequence number, its count, and its operations.
        let bytes = head.get(12..)?.strip_prefix(&LOG_DATA)?.strip_prefix(MAGIC)?;
        let (file, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first_chunk()?;
        Some(Self {
            synced: Position {
                file: u64::from_le_bytes(*file),
                length: u64::from_le_bytes(*length),
            },
            written: u64::from_le_bytes(*bytes.first_chunk()?),
        })
    }
}

/// What was synced when something was last acknowledged. All of it is a lower bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Synced {
    pub(super) wal: Position,
    pub(super) manifest: Position,
    /// RocksDB's sequence number.
    pub(super) sequence: u64,
}

impl Synced {
    /// What the database in `dir` says, if anything.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, RocksdbLogStoreError> {
        let path = dir.join(SYNCED_FILE);
        let line = match fs::read_to_string(&path) {
            Ok(line) => line,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => "?".to_string(),
            Err(source) => return Err(RocksdbLogStoreError::Io { path, source }),
        };
        let synced = Self::parse(&line);
        // A file that was just created has nothing, or zeros after a power failure.
        if synced.is_none() && !line.trim_matches('\0').is_empty() {
            // Nothing else is damaged for it, and what the WAL says remains.
            tracing::warn!(path = %path.display(), "unreadable, damage to the end of the log may go unnoticed");
        }
        Ok(synced)
    }

    /// Whether the database has all that was synced.
    pub(super) fn check(&self, db: &DB) -> Result<(), RocksdbLogStoreError> {
        let sequence = db.latest_sequence_number();
        if sequence < self.sequence {
            return Err(RocksdbLogStoreError::BehindSynced {
                path: db.path().to_path_buf(),
                sequence,
                synced: self.sequence,
            });
        }
        Ok(())
    }

    fn parse(line: &str) -> Option<Self> {
        let (fields, crc) = line.trim_end().rsplit_once(' ')?;
        if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(fields.as_bytes()) {
            return None;
        }
        let mut fields = fields.split(' ').map(|field| field.rsplit_once('=')?.1.parse().ok());
        let mut next = || fields.next().flatten();
        Some(Self {
            wal: Position {
                file: next()?,
                length: next()?,
            },
            manifest: Position {
                file: next()?,
                length: next()?,
            },
            sequence: next()?,
        })
    }

    /// One line, for people too; always as long, as it is overwritten in place.
    fn line(&self) -> String {
        let Self {
            wal,
            manifest,
            sequence,
        } = self;
        let fields = format!(
            "wal={:020} length={:020} manifest={:020} length={:020} sequence={sequence:020}",
            wal.file, wal.length, manifest.file, manifest.length,
        );
        let crc = crc32c::crc32c(fields.as_bytes());
        format!("{fields} {crc:08x}\n")
    }
}

/// The file of a directory, which only one at a time can have.
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, RocksdbLogStoreError> {
        let path = dir.join(SYNCED_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        match file.map(|file| (file.try_lock(), file)) {
            Ok((Ok(()), file)) => Ok(Self(file)),
            Ok((Err(TryLockError::WouldBlock), _)) => Err(RocksdbLogStoreError::InUse(dir.to_path_buf())),
            Ok((Err(TryLockError::Error(source)), _)) | Err(source) => Err(RocksdbLogStoreError::Io { path, source }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a process that is being started has it too.
        let _ = self.0.unlock();
    }
}

/// Writes to the database, and keeps account of what is synced.
pub(super) struct SyncedWriter {
    dir: PathBuf,
    account: Option<Account>,
}

struct Account {
    synced: Synced,
    file: Lock,
    wal: File,
    manifest: File,
}

impl SyncedWriter {
    /// Only one writer at a time can have a database. An error means that another has it, or that
    /// it lacks what was acknowledged.
    pub(super) fn of(db: &DB) -> Result<Self, RocksdbLogStoreError> {
        let dir = db.path().to_path_buf();
        let mut writer = Self { dir, account: None };
        // A database that is read-only refuses this: nothing will be synced.
        if db.flush_wal(false).is_err() {
            return Ok(writer);
        }
        let file = Lock::take(&writer.dir)?;
        if let Some(synced) = Synced::read(&writer.dir)? {
            synced.check(db)?;
        }
        let weak = weak_options(&writer.dir);
        for option in &weak {
            tracing::warn!(
                path = %writer.dir.display(), option,
                "the database was opened with an option that weakens the log: use log_store::db_options()"
            );
        }
        let started = match weak.iter().find(|option| hides_wal(option)) {
            Some(option) => {
                let error = format!("the WAL cannot be followed with {option}");
                Err(io::Error::new(io::ErrorKind::NotFound, error).into())
            }
            None => Account::start(&writer.dir, file, db),
        };
        match started {
            Ok(account) => writer.account = Some(account),
            Err(WriteError::Io(e)) if e.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(
                    path = %writer.dir.display(), error = %e,
                    "cannot tell what is synced: damage to the end of the log will go unnoticed"
                );
                // `recover` takes what is not in an account for never synced, and cuts off damage there.
                let path = writer.dir.join(SYNCED_FILE);
                File::create(&path).map_err(|source| RocksdbLogStoreError::Io { path, source })?;
            }
            // A write failed earlier, and RocksDB has not got over it; or the WAL has a mark already, and
            // without an account all that follows it would be taken for never synced.
            Err(e) => return Err(writer.error(e)),
        }
        Ok(writer)
    }

    /// Writes a batch; with `sync` it is synced, and all before it.
    pub(super) fn write(&mut self, db: &DB, batch: &mut Batch, sync: bool) -> Result<(), RocksdbLogStoreError> {
        let written = match &mut self.account {
            Some(account) if sync => account.write(&self.dir, db, batch),
            Some(account) => account.write_marked(db, batch, false).map(drop),
            None => db
                .write_opt(batch.seal(None), &write_options(sync))
                .map_err(WriteError::from),
        };
        written.map_err(|e| self.error(e))
    }

    fn error(&self, e: impl Into<WriteError>) -> RocksdbLogStoreError {
        match e.into() {
            WriteError::Rocksdb(e) => e.into(),
            WriteError::Io(source) => RocksdbLogStoreError::Io {
                path: self.dir.clone(),
                source,
            },
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Rocksdb(#[from] rocksdb::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Account {
    fn start(dir: &Path, file: Lock, db: &DB) -> Result<Self, WriteError> {
        // The file itself, and that RocksDB has deleted earlier WALs, which may have a torn end.
        File::open(dir)?.sync_all()?;
        let ((wal_number, wal), (manifest_number, manifest)) = (newest_wal(dir)?, current_manifest(dir)?);
        // The first batch says that earlier WALs are synced, and may be on disk before they are.
        db.flush_wal(true)?;
        let mut account = Self {
            synced: Synced {
                wal: Position {
                    file: wal_number,
                    length: 0,
                },
                manifest: Position {
                    file: manifest_number,
                    length: 0,
                },
                sequence: 0,
            },
            file,
            wal,
            manifest,
        };
        account.write(dir, db, &mut Batch::default())?;
        // From now on the file is there, and is overwritten in place.
        account.file.0.set_len(account.synced.line().len() as u64)?;
        account.file.0.sync_all()?;
        Ok(account)
    }

    /// Writes a batch behind its mark. Returns the end of it in the WAL, at the earliest.
    fn write_marked(&self, db: &DB, batch: &mut Batch, sync: bool) -> Result<u64, WriteError> {
        let mark = Mark {
            synced: self.synced.wal,
            written: self.wal.metadata()?.len(),
        };
        let batch = batch.seal(Some(mark));
        let end = mark.written + batch.size_in_bytes() as u64;
        db.write_opt(batch, &write_options(sync))?;
        Ok(end)
    }

    /// Writes a batch, syncs it, and says so in the account.
    fn write(&mut self, dir: &Path, db: &DB, batch: &mut Batch) -> Result<(), WriteError> {
        let sequence = db.latest_sequence_number() + u64::from(batch.count());
        let mut end = self.write_marked(db, batch, true)?;
        // A database may have other writers, so that this batch may not start at the end that the
        // file had. But it starts there at the earliest, and all before it is synced too.
        while self.wal.metadata()?.len() < end {
            // RocksDB went on in a new WAL. The batch lies before what comes next.
            let last = self.synced.wal.file;
            self.reopen(dir)?;
            if self.synced.wal.file == last {
                return Err(io::Error::other(format!("the WAL {last:06}.log does not grow")).into());
            }
            end = self.write_marked(db, &mut Batch::default(), true)?;
        }
        self.synced.wal.length = end;
        self.synced.sequence = sequence;
        self.sync_manifest()?;
        self.file.0.seek(SeekFrom::Start(0))?;
        self.file.0.write_all(self.synced.line().as_bytes())?;
        Ok(())
    }

    /// RocksDB replaces its MANIFEST too, though far less often than its WAL.
    fn reopen(&mut self, dir: &Path) -> io::Result<()> {
        let (number, manifest) = current_manifest(dir)?;
        if number != self.synced.manifest.file {
            self.manifest = manifest;
            self.synced.manifest = Position {
                file: number,
                length: 0,
            };
        }
        let (number, wal) = newest_wal(dir)?;
        if number != self.synced.wal.file {
            self.wal = wal;
            self.synced.wal = Position {
                file: number,
                length: 0,
            };
        }
        Ok(())
    }

    fn sync_manifest(&mut self) -> io::Result<()> {
        let known = &mut self.synced.manifest.length;
        if self.manifest.metadata()?.len() > *known {
            // RocksDB may be writing it right now.
            let intact = Scan::read(&self.manifest, *known)?.intact;
            self.manifest.sync_data()?;
            *known = intact;
        }
        Ok(())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Nothing that was acknowledged depends on it.
        let _ = self.file.0.sync_data();
    }
}

fn write_options(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    // A log without its WAL would lose what was acknowledged, whatever the defaults are.
    options.disable_wal(false);
    options
}

/// The number of a WAL.
pub(super) fn wal_number(path: &Path) -> Option<u64> {
    let is_wal = path.extension().is_some_and(|e| e == "log");
    path.file_stem().filter(|_| is_wal)?.to_str()?.parse().ok()
}

/// The number of the MANIFEST that `CURRENT` names.
pub(super) fn manifest_number(dir: &Path) -> io::Result<Option<u64>> {
    let mut current = String::new();
    File::open(dir.join("CURRENT"))?.read_to_string(&mut current)?;
    Ok(current
        .trim_end()
        .strip_prefix("MANIFEST-")
        .and_then(|n| n.parse().ok()))
}

/// The path of a MANIFEST.
pub(super) fn manifest_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("MANIFEST-{number:06}"))
}

fn newest_wal(dir: &Path) -> io::Result<(u64, File)> {
    find(|| {
        let mut newest = None;
        for file in fs::read_dir(dir)? {
            let path = file?.path();
            newest = newest.max(wal_number(&path).map(|number| (number, path)));
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "the directory has no WAL");
        let (number, path) = newest.ok_or_else(none)?;
        Ok((number, File::open(path)?))
    })
}

fn current_manifest(dir: &Path) -> io::Result<(u64, File)> {
    find(|| {
        let number = manifest_number(dir)?.ok_or_else(|| io::Error::other("CURRENT does not name a MANIFEST"))?;
        Ok((number, File::open(manifest_path(dir, number))?))
    })
}

/// RocksDB may replace a file, and delete it, between the look at its name and its opening.
fn find<T>(mut find: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut tries = 0;
    loop {
        match find() {
            Err(e) if e.kind() == io::ErrorKind::NotFound && tries < 100 => tries += 1,
            found => return found,
        }
    }
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
        let create = |number: u64| {
            fs::write(dir.join(format!("{number:06}.log")), "").unwrap();
            fs::write(manifest_path(dir, number), "").unwrap();
            fs::write(dir.join("temporary"), format!("MANIFEST-{number:06}\n")).unwrap();
            fs::rename(dir.join("temporary"), dir.join("CURRENT")).unwrap();
        };
        create(0);
        thread::scope(|scope| {
            let replace = scope.spawn(|| {
                for number in 1..2_000 {
                    create(number);
                    fs::remove_file(dir.join(format!("{:06}.log", number - 1))).unwrap();
                    fs::remove_file(manifest_path(dir, number - 1)).unwrap();
                }
            });
            while !replace.is_finished() {
                newest_wal(dir).unwrap();
                current_manifest(dir).unwrap();
            }
        });
    }
}
