//! What is durable, and recovery.
//!
//! RocksDB treats some damage to its WAL or MANIFEST as the end of the file. So the log store records how far these
//! files are durable, in two places whose content RocksDB ignores:
//!
//! - in the account, the file `RAFT_SYNCED`. The account is overwritten after each sync, and before anything is
//!   acknowledged. These overwrites are not synced, because that would double the time of a write. So after a power
//!   failure the account may be older than the WAL, and is never newer.
//! - in a mark at the start of each batch, which records how far the WAL was durable before that batch. Marks do not
//!   cover the MANIFEST.
//!
//! Two paths lead through this folder. While a store runs, the writer's thread passes each batch to
//! [`TrackedDb::write`]. Before a database is opened, [`recover()`] compares its files with the account and the marks.
//!
//! - this file: following a database while it is written to. A running store asks for all its syncs here:
//!   [`TrackedDb::start`] syncs the WAL, the MANIFEST, the account and the directory, [`TrackedDb::write`] syncs the
//!   WAL and the MANIFEST, and dropping the `TrackedDb` syncs the account.
//! - [`account_file`]: the account, its fields, and the lock on its file.
//! - [`in_use`]: whether a database is open.
//! - [`recover`](mod@recover): the check before a database is opened.
//! - [`accept_loss`](mod@accept_loss): the last resort for a database that the check refuses.
//! - [`options`]: options of the user's that break or weaken the promise. `open.rs` sets the right values.
//!
//! The formats of WAL, MANIFEST and marks are in [`wal`](super::wal).

pub(super) mod accept_loss;
pub(super) mod account_file;
pub(super) mod in_use;
pub(super) mod options;
pub(super) mod recover;

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{DB, WriteOptions};

use self::account_file::{Account, AccountFile, LastOperation};
use self::options::columns::is_read_only;
use self::options::database::WeakOption;
use super::error::RocksdbLogStoreError;
use super::wal::batch::Batch;
use super::wal::files::{current_manifest, newest_wal, sync_dir};
use super::wal::mark::{Mark, Position};
use super::wal::scan::{Scan, end_of_record};

/// A database, and the account of what is durable in it. The writer's thread owns it, and each database has one writer.
pub(super) struct TrackedDb {
    db: Arc<DB>,
    tracking: Tracking,
}

enum Tracking {
    /// The account is updated after each sync.
    Followed(Followed),
    /// No account is kept, because the log store cannot find out what is durable, or because the database is read-only.
    Blind {
        reason: BlindReason,
        /// Keeps other processes out. `None` for a read-only database.
        _lock: Option<AccountFile>,
    },
}

/// Why the log store keeps no account of a database.
enum BlindReason {
    /// The database is read-only.
    ReadOnly,
    /// With this option, the length of the WAL file does not show how far the WAL is written.
    WalHidden(WeakOption),
    /// The directory of the database has no WAL or no MANIFEST.
    NoFile(io::Error),
}

impl fmt::Display for BlindReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("the database is read-only"),
            Self::WalHidden(option) => write!(f, "the WAL cannot be followed with {option}"),
            Self::NoFile(error) => error.fmt(f),
        }
    }
}

impl TrackedDb {
    /// Starts the account of `db`, and syncs what the WAL already contains. Where the log store cannot find out
    /// what is durable, this clears the account instead, and logs a warning. It changes nothing in a read-only
    /// database.
    ///
    /// # Errors
    ///
    /// - [`InUse`](RocksdbLogStoreError::InUse) if the account is locked already, usually by another process.
    /// - [`BehindSynced`](RocksdbLogStoreError::BehindSynced) if the database lacks acknowledged writes.
    /// - [`UnsafeOption`](RocksdbLogStoreError::UnsafeOption) if the database was opened with an option that the log
    ///   store refuses.
    /// - [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if RocksDB cannot sync the WAL or write a first batch, and
    ///   [`Io`](RocksdbLogStoreError::Io) if the account, the directory, the WAL or the MANIFEST cannot be read,
    ///   written or synced. Continuing without an account would be unsafe: the WAL may contain a mark, and recovery
    ///   would then treat everything after the durable position in the last mark as never synced.
    pub(super) fn start(db: Arc<DB>) -> Result<Self, RocksdbLogStoreError> {
        let tracking = Tracking::start(&db)?;
        if let Tracking::Blind { reason, .. } = &tracking
            && !matches!(reason, BlindReason::ReadOnly)
        {
            tracing::warn!(
                path = %db.path().display(), %reason,
                "cannot tell what is synced: damage to the end of the log will go unnoticed"
            );
        }
        Ok(Self { db, tracking })
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    /// Writes a batch. With `sync`, the batch and all that was written before it are durable when this returns.
    pub(super) fn write(&mut self, batch: &mut Batch, sync: bool) -> Result<(), RocksdbLogStoreError> {
        match &mut self.tracking {
            Tracking::Followed(followed) if sync => followed.write_synced(&self.db, batch),
            Tracking::Followed(followed) => followed.write(&self.db, batch, false).map(drop),
            Tracking::Blind { .. } => Ok(self.db.write_opt(batch.seal(None), &write_options(sync))?),
        }
    }
}

impl Tracking {
    fn start(db: &DB) -> Result<Self, RocksdbLogStoreError> {
        let dir = db.path();
        if is_read_only(db) {
            return Ok(Self::Blind {
                reason: BlindReason::ReadOnly,
                _lock: None,
            });
        }
        let mut file = AccountFile::lock(dir)?;
        let account = Account::read(dir)?;
        if let Some(account) = &account {
            account.check(db)?;
            // Until the first batch is written, the account would name the process that wrote it.
            let written = file.write(account);
            written.map_err(RocksdbLogStoreError::io(&AccountFile::path(dir)))?;
        }
        let weak = WeakOption::of_database(dir)?;
        for option in &weak {
            tracing::warn!(
                path = %dir.display(), %option,
                "the database was opened with an option that weakens the log: use log_store::db_options()"
            );
        }
        if let Some(option) = weak.into_iter().find(WeakOption::hides_wal) {
            return Self::blind(dir, file, BlindReason::WalHidden(option));
        }
        let files = newest_wal(dir).and_then(|wal| Ok((wal, current_manifest(dir)?)));
        // Sync the directory, so that the creation of the account is durable, and CURRENT as it was read.
        sync_dir(dir).map_err(RocksdbLogStoreError::io(dir))?;
        match files {
            Ok((wal, manifest)) => {
                let last = account.and_then(|account| account.last);
                Followed::start(db, file, last, wal, manifest).map(Self::Followed)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::blind(dir, file, BlindReason::NoFile(e)),
            Err(e) => Err(RocksdbLogStoreError::io(dir)(e)),
        }
    }

    fn blind(dir: &Path, file: AccountFile, reason: BlindReason) -> Result<Self, RocksdbLogStoreError> {
        // Clear the account, because nothing will update it. Recovery would treat all later writes, which come after
        // the position in the account, as never synced, and cut them off where they are damaged.
        let cleared = file.clear();
        cleared.map_err(RocksdbLogStoreError::io(&AccountFile::path(dir)))?;
        Ok(Self::Blind {
            reason,
            _lock: Some(file),
        })
    }
}

/// The account of a database, and the files that the account describes.
struct Followed {
    dir: PathBuf,
    account: Account,
    file: AccountFile,
    wal: File,
    manifest: File,
}

impl Followed {
    fn start(
        db: &DB,
        file: AccountFile,
        last: Option<LastOperation>,
        (wal_number, wal): (u64, File),
        (manifest_number, manifest): (u64, File),
    ) -> Result<Self, RocksdbLogStoreError> {
        // The mark of the first batch reports that earlier WALs are durable. Sync them now: otherwise that batch could
        // reach the disk before they do.
        db.flush_wal(true)?;
        let mut followed = Self {
            dir: db.path().to_path_buf(),
            account: Account {
                wal: start_of(wal_number),
                manifest: start_of(manifest_number),
                last,
            },
            file,
            wal,
            manifest,
        };
        followed.write_synced(db, &mut Batch::default())?;
        let settled = followed.file.settle(&followed.account);
        settled.map_err(RocksdbLogStoreError::io(&followed.dir))?;
        Ok(followed)
    }

    /// Writes a batch with a mark, and returns what [`end_of`](Self::end_of) needs to find the batch in the WAL.
    fn write(&self, db: &DB, batch: &mut Batch, sync: bool) -> Result<Written, RocksdbLogStoreError> {
        let mark = Mark {
            durable: self.account.wal,
            written: self.wal_length()?,
        };
        let sequence = db.latest_sequence_number() + u64::from(batch.count());
        let bytes = batch.seal(Some(mark));
        let size = bytes.size_in_bytes();
        db.write_opt(bytes, &write_options(sync))?;
        Ok(Written {
            mark,
            end: end_of_record(mark.written, size),
            sequence,
        })
    }

    /// Writes a batch, makes it durable, and records that in the account.
    fn write_synced(&mut self, db: &DB, batch: &mut Batch) -> Result<(), RocksdbLogStoreError> {
        let manifest = self.account.manifest.file;
        let written = self.write(db, batch, true)?;
        let mut end = self.end_of(db, &written)?;
        let end = loop {
            if let Some(end) = end {
                break end;
            }
            // RocksDB has started a new WAL, so that the end of this batch is unknown. Write an empty batch to the new
            // WAL: it follows this batch, and its end can be found.
            let last = self.account.wal.file;
            self.follow_new_files().map_err(RocksdbLogStoreError::io(&self.dir))?;
            if self.account.wal.file == last {
                let error = io::Error::other(format!("the WAL {last:06}.log does not grow"));
                return Err(RocksdbLogStoreError::io(&self.dir)(error));
            }
            // The mark of the empty batch reports that all earlier WALs are durable. Others may have written to them
            // after the sync of this batch.
            db.flush_wal(true)?;
            let written = self.write(db, &mut Batch::default(), true)?;
            end = self.end_of(db, &written)?;
        };
        self.account.wal.length = end;
        if let Some(column_family) = batch.last_column_family() {
            self.account.last = Some(LastOperation {
                sequence: written.sequence,
                column_family,
            });
        }
        let recorded = self.sync_manifest().and_then(|()| self.file.write(&self.account));
        recorded.map_err(RocksdbLogStoreError::io(&self.dir))?;
        if self.account.manifest.file != manifest {
            // If a power failure left an account of another MANIFEST, recovery could not cut off the remains of a write
            // to this one, and RocksDB would refuse the database.
            self.file.sync().map_err(RocksdbLogStoreError::io(&self.dir))?;
        }
        Ok(())
    }

    /// Returns the offset at which a batch ends in the WAL, or `None` if RocksDB has written the batch to a new WAL.
    fn end_of(&self, db: &DB, written: &Written) -> Result<Option<u64>, RocksdbLogStoreError> {
        let length = self.wal_length()?;
        if length < written.end {
            return Ok(None);
        }
        if length == written.end && db.latest_sequence_number() == written.sequence {
            return Ok(Some(written.end));
        }
        // Others have written to the database at the same time, so that the batch may be anywhere behind the last known
        // batch. Look for its mark. If several batches have this mark, then this is the last one of them.
        let mut found = None;
        let scan = Scan::read(&self.wal, self.account.wal.length, |record| {
            if Mark::in_batch(record.bytes) == Some(written.mark) {
                found = Some(record.end);
            }
        });
        let intact = scan.map_err(RocksdbLogStoreError::io(&self.dir))?.intact;
        Ok(found.filter(|end| *end <= intact))
    }

    fn wal_length(&self) -> Result<u64, RocksdbLogStoreError> {
        let metadata = self.wal.metadata().map_err(RocksdbLogStoreError::io(&self.dir))?;
        Ok(metadata.len())
    }

    /// Opens the files that RocksDB writes to now.
    fn follow_new_files(&mut self) -> io::Result<()> {
        self.follow_new_manifest()?;
        let (number, wal) = newest_wal(&self.dir)?;
        if number != self.account.wal.file {
            self.wal = wal;
            self.account.wal = start_of(number);
        }
        Ok(())
    }

    fn follow_new_manifest(&mut self) -> io::Result<()> {
        let (number, manifest) = current_manifest(&self.dir)?;
        if number != self.account.manifest.file {
            // CURRENT may name a MANIFEST before that is durable. If the account named it too, and only the account
            // reached the disk before a power failure, the MANIFEST would seem to be missing.
            sync_dir(&self.dir)?;
            self.manifest = manifest;
            self.account.manifest = start_of(number);
        }
        Ok(())
    }

    fn sync_manifest(&mut self) -> io::Result<()> {
        let mut metadata = self.manifest.metadata()?;
        if is_deleted(&metadata) {
            self.follow_new_manifest()?;
            metadata = self.manifest.metadata()?;
        }
        let durable = &mut self.account.manifest.length;
        if metadata.len() > *durable {
            // Count only whole records, because RocksDB may be writing a record right now.
            let intact = Scan::read(&self.manifest, *durable, |_| {})?.intact;
            self.manifest.sync_data()?;
            *durable = intact;
        }
        Ok(())
    }
}

/// A batch that was written.
struct Written {
    mark: Mark,
    /// Where the batch ends in the WAL if nobody else has written to it at the same time.
    end: u64,
    /// RocksDB's sequence number of the last operation if nobody else has written at the same time, and a lower bound
    /// of that number otherwise.
    sequence: u64,
}

/// Returns whether RocksDB has deleted the file, which it does with a MANIFEST that it has replaced. On a system that
/// does not tell, a new MANIFEST is followed when RocksDB starts a new WAL.
fn is_deleted(file: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(file) == 0;
    #[cfg(not(unix))]
    return false;
}

impl Drop for Followed {
    fn drop(&mut self) {
        // Ignore the outcome: what was acknowledged is in the WAL. With an older account, recovery may only fail to
        // notice damage to the last batch and to the newest records of the MANIFEST.
        let _ = self.file.sync();
    }
}

fn start_of(file: u64) -> Position {
    Position { file, length: 0 }
}

fn write_options(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    // Without the WAL, acknowledged writes would be lost in a crash. Do not rely on RocksDB's default.
    options.disable_wal(false);
    options
}
