//! What a log store under test keeps its data on.

use std::future::Future;
use std::io;

use openraft::storage::RaftLogStorage;
use openraft::{OptionalSend, OptionalSync, RaftTypeConfig};

use crate::test_fakes::mem_log_store::MemLogStore;

/// What a log store under test keeps its data on: a directory, a database, or anything else that outlives a process.
///
/// # Examples
///
/// A store has a directory of its own. Without a [`power_cut`](Self::power_cut), the check tests restarts alone.
///
/// ```
/// # #[cfg(feature = "rocksdb-log-store")] mod example {
/// use std::io;
///
/// use openraft_toolkit::log_store::{Flat, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
/// use openraft_toolkit::test_fakes::conformance::{self, LogDisk};
/// use tempfile::TempDir;
///
/// openraft_toolkit::declare_raft_types_ext! {
///     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// }
///
/// struct Directory(TempDir);
///
/// impl LogDisk<Types> for Directory {
///     type LogStore = RocksdbLogStore<Types, Flat>;
///
///     async fn open(&mut self) -> io::Result<Self::LogStore> {
///         let db = open_db(self.0.path(), LogDbOptions::default())?;
///         Ok(RocksdbLogStore::open(db, LOG_CF, META_CF, Flat)?)
///     }
/// }
///
/// async fn check() -> Result<(), conformance::Violation> {
///     conformance::log_store(|| Ok(Directory(TempDir::new()?))).await?;
///     Ok(())
/// }
/// # }
/// ```
pub trait LogDisk<C: RaftTypeConfig>: OptionalSend + OptionalSync + Sized + 'static {
    /// The log store under test.
    type LogStore: RaftLogStorage<C>;

    /// Opens the log store on what the disk holds, as a process does when it starts. The store on a new disk is blank.
    ///
    /// All handles of an earlier opening have been dropped. If the earlier store takes a moment longer to close, wait for
    /// it here.
    ///
    /// # Errors
    ///
    /// Any reason why the store cannot be opened. The check reports it as a violation.
    fn open(&mut self) -> impl Future<Output = io::Result<Self::LogStore>> + OptionalSend;

    /// Cuts the power: returns another disk, as the next start would find this one if the power failed now.
    ///
    /// The new disk must hold everything that is durable. It may hold writes that are not durable, as far as a real disk
    /// may hold them. The method is called while a store is open on this disk; that store is dropped soon after.
    ///
    /// The default returns `None`, for a disk that cannot do this. Then the check tests restarts in place of power cuts.
    ///
    /// A copy of the files is not enough: it is what a killed process leaves, with all that the kernel still caches. With
    /// such a copy, the check finds a store that acknowledges what is only in its own memory. It does not find a store
    /// that forgets to sync.
    ///
    /// # Errors
    ///
    /// Any reason why the disk cannot be made. The check reports it as a violation.
    fn power_cut(&self) -> impl Future<Output = io::Result<Option<Self>>> + OptionalSend {
        async { Ok(None) }
    }
}

impl<C: RaftTypeConfig> LogDisk<C> for MemLogStore<C> {
    type LogStore = Self;

    async fn open(&mut self) -> io::Result<Self> {
        Ok(self.clone())
    }

    async fn power_cut(&self) -> io::Result<Option<Self>> {
        Ok(Some(self.crash()))
    }
}
