//! What is durable, and recovery.
//!
//! RocksDB takes some damage to the end of its WAL or MANIFEST for the end of what was written. So the log
//! store records, where RocksDB does not look, how far these files are durable. Only the thread that writes
//! knows that. It records it twice:
//!
//! - in the account, the file `RAFT_SYNCED`. It is overwritten after each sync and before anything is
//!   acknowledged. It is not synced itself, which would double the price of a write. So after a power failure
//!   the account may be older than the WAL, and is never newer.
//! - in a mark at the start of each batch, about the batches before it.
//!
//! Two ways lead through this folder. While a store runs, the writer's thread hands each batch to
//! [`TrackedDb::write`]. Before a database is opened, [`recover()`] holds its files against both records.
//!
//! - this file: following a database while it is written to. All syncs of a running store are made here: those of the
//!   WAL in [`TrackedDb::write`] and [`TrackedDb::start`], those of the MANIFEST and the account beside them.
//! - [`account_file`]: the account, its fields and its lock.
//! - [`recover`](mod@recover): the check before a database is opened.
//! - [`weak_options`]: options of the user's that weaken the promise. `open.rs` sets the right values.
//!
//! The formats of WAL, MANIFEST and marks are in [`wal`](super::wal).

pub(super) mod account_file;
pub(super) mod recover;
mod weak_options;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{DB, WriteOptions};

use self::account_file::{Account, AccountFile};
use self::weak_options::WeakOption;
use super::error::RocksdbLogStoreError;
use super::wal::batch::Batch;
use super::wal::files::{current_manifest, newest_wal};
use super::wal::mark::{Mark, Position};
use super::wal::scan::Scan;

/// A database whose account is kept while batches are written to it. Only one can exist for a database.
pub(super) struct TrackedDb {
    db: Arc<DB>,
    tracking: Tracking,
}

enum Tracking {
    Followed(Followed),
    /// The log store cannot tell what is durable.
    Blind(BlindReason),
}

enum BlindReason {
    /// RocksDB refuses all writes.
    ReadOnly,
    /// The length of the WAL says nothing with this option.
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
    /// Starts to follow `db`, and makes durable what its WAL already holds.
    ///
    /// # Errors
    ///
    /// - [`InUse`](RocksdbLogStoreError::InUse) if another process follows the database.
    /// - [`BehindSynced`](RocksdbLogStoreError::BehindSynced) if it lacks what was acknowledged.
    /// - [`Io`](RocksdbLogStoreError::Io) or [`Rocksdb`](RocksdbLogStoreError::Rocksdb) if a first batch cannot be
    ///   written. Going on blindly is no way out: the WAL may have a mark, and without a newer account recovery
    ///   would take all that follows that mark for never synced.
    pub(super) fn start(db: Arc<DB>) -> Result<Self, RocksdbLogStoreError> {
        let tracking = Tracking::start(&db)?;
        if let Tracking::Blind(reason) = &tracking
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
            Tracking::Blind(_) => Ok(self.db.write_opt(batch.seal(None), &write_options(sync))?),
        }
    }
}

impl Tracking {
    fn start(db: &DB) -> Result<Self, RocksdbLogStoreError> {
        let dir = db.path();
        // A read-only database refuses this.
        if db.flush_wal(false).is_err() {
            return Ok(Self::Blind(BlindReason::ReadOnly));
        }
        let file = AccountFile::lock(dir)?;
        if let Some(account) = Account::read(dir)? {
            account.check(db)?;
        }
        let weak = WeakOption::of_database(dir);
        for option in &weak {
            tracing::warn!(
                path = %dir.display(), %option,
                "the database was opened with an option that weakens the log: use log_store::db_options()"
            );
        }
        if let Some(option) = weak.into_iter().find(WeakOption::hides_wal) {
            return Self::blind(dir, &file, BlindReason::WalHidden(option));
        }
        // Sync the directory, so that the creation of the account and the deletion of earlier WALs, which may
        // have torn ends, are durable.
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(RocksdbLogStoreError::io(dir))?;
        let files = newest_wal(dir).and_then(|wal| Ok((wal, current_manifest(dir)?)));
        match files {
            Ok((wal, manifest)) => Followed::start(db, file, wal, manifest).map(Self::Followed),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::blind(dir, &file, BlindReason::NoFile(e)),
            Err(e) => Err(RocksdbLogStoreError::io(dir)(e)),
        }
    }

    fn blind(dir: &Path, file: &AccountFile, reason: BlindReason) -> Result<Self, RocksdbLogStoreError> {
        // Recovery takes what lies behind an account for never synced, and cuts off damage there.
        let cleared = file.clear();
        cleared.map_err(RocksdbLogStoreError::io(&AccountFile::path(dir)))?;
        Ok(Self::Blind(reason))
    }
}

/// The files of a database whose account is kept.
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
        (wal_number, wal): (u64, File),
        (manifest_number, manifest): (u64, File),
    ) -> Result<Self, RocksdbLogStoreError> {
        // The mark of the first batch says that earlier WALs are durable. That batch itself may be on disk before
        // they are, unless they are synced now.
        db.flush_wal(true)?;
        let mut followed = Self {
            dir: db.path().to_path_buf(),
            account: Account {
                wal: start_of(wal_number),
                manifest: start_of(manifest_number),
                sequence: 0,
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

    /// Writes a batch behind its mark. Returns a lower bound of the batch's end offset in the WAL.
    fn write(&self, db: &DB, batch: &mut Batch, sync: bool) -> Result<u64, RocksdbLogStoreError> {
        let mark = Mark {
            durable: self.account.wal,
            written: self.wal_length()?,
        };
        let batch = batch.seal(Some(mark));
        let end = mark.written + batch.size_in_bytes() as u64;
        db.write_opt(batch, &write_options(sync))?;
        Ok(end)
    }

    /// Writes a batch, makes it durable, and records that in the account.
    fn write_synced(&mut self, db: &DB, batch: &mut Batch) -> Result<(), RocksdbLogStoreError> {
        let sequence = db.latest_sequence_number() + u64::from(batch.count());
        // The user may write to the database at the same time. The batch then starts behind the end that the
        // WAL had, never before it, and all that lies between is durable too.
        let mut end = self.write(db, batch, true)?;
        while self.wal_length()? < end {
            // RocksDB went on in a new WAL. The next, empty batch lies behind this one: its end will do.
            let last = self.account.wal.file;
            self.follow_new_files().map_err(RocksdbLogStoreError::io(&self.dir))?;
            if self.account.wal.file == last {
                let error = io::Error::other(format!("the WAL {last:06}.log does not grow"));
                return Err(RocksdbLogStoreError::io(&self.dir)(error));
            }
            end = self.write(db, &mut Batch::default(), true)?;
        }
        self.account.wal.length = end;
        self.account.sequence = sequence;
        let recorded = self.sync_manifest().and_then(|()| self.file.write(&self.account));
        recorded.map_err(RocksdbLogStoreError::io(&self.dir))
    }

    fn wal_length(&self) -> Result<u64, RocksdbLogStoreError> {
        let metadata = self.wal.metadata().map_err(RocksdbLogStoreError::io(&self.dir))?;
        Ok(metadata.len())
    }

    /// Opens the files that RocksDB writes to now. RocksDB replaces its MANIFEST far less often than its WAL.
    fn follow_new_files(&mut self) -> io::Result<()> {
        let (number, manifest) = current_manifest(&self.dir)?;
        if number != self.account.manifest.file {
            self.manifest = manifest;
            self.account.manifest = start_of(number);
        }
        let (number, wal) = newest_wal(&self.dir)?;
        if number != self.account.wal.file {
            self.wal = wal;
            self.account.wal = start_of(number);
        }
        Ok(())
    }

    fn sync_manifest(&mut self) -> io::Result<()> {
        let durable = &mut self.account.manifest.length;
        if self.manifest.metadata()?.len() > *durable {
            // Only whole records count, because RocksDB may be writing one right now.
            let intact = Scan::read(&self.manifest, *durable)?.intact;
            self.manifest.sync_data()?;
            *durable = intact;
        }
        Ok(())
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // Ignore the outcome: nothing that was acknowledged depends on the account alone.
        let _ = self.file.sync();
    }
}

fn start_of(file: u64) -> Position {
    Position { file, length: 0 }
}

fn write_options(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    // A log without its WAL would lose what was acknowledged. Do not rely on RocksDB's default.
    options.disable_wal(false);
    options
}
