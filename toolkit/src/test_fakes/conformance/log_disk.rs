//! The medium on which a log store under test keeps its data.

use std::future::Future;
use std::io;

use openraft::storage::RaftLogStorage;
use openraft::{OptionalSend, OptionalSync, RaftTypeConfig};

use crate::test_fakes::mem_log_store::MemLogStore;

/// The medium on which a log store under test keeps its data: a directory, a database, or anything else that outlives a
/// process.
///
/// # Examples
///
/// Each store has its own temporary directory. Without a [`power_cut`](Self::power_cut), the check tests only restarts.
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

    /// Opens the log store on this disk, as a process does when it starts. On a blank disk, which
    /// [`log_store`](super::log_store()) got from its argument `new_disk`, the first store is blank.
    ///
    /// If this disk was opened before, the check has dropped all handles of the earlier store. If that store takes a
    /// moment longer to close, wait for it here.
    ///
    /// # Errors
    ///
    /// Any reason why the store cannot be opened. The check reports it as a violation.
    fn open(&mut self) -> impl Future<Output = io::Result<Self::LogStore>> + OptionalSend;

    /// Simulates a power failure: returns a new disk with the contents that this disk would have at the next start if
    /// the power failed now.
    ///
    /// The new disk must hold everything that is durable. It may also hold writes that are not durable, if a real disk
    /// could hold them. This method is called while a store is open on this disk. The check drops that store soon
    /// after.
    ///
    /// The default returns `None`, which means that this disk cannot simulate a power failure. The check then tests a
    /// restart instead.
    ///
    /// A copy of the files is not enough. It shows what is left after a process is killed: the copy includes data that
    /// is only in the cache of the kernel. With such a copy, the check detects a store that acknowledges data while the
    /// data is only in the memory of the process. It does not detect a store that forgets to sync.
    ///
    /// # Errors
    ///
    /// Any reason why the new disk cannot be made. The check reports it as a violation.
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
