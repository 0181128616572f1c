use std::future::Future;
use std::io;

use openraft::storage::RaftLogStorage;
use openraft::{OptionalSend, OptionalSync, RaftTypeConfig};

use crate::test_fakes::MemLogStore;

/// What a log store under test keeps its data on: a directory, a database, or whatever outlives the process.
///
/// # Examples
///
/// A store in a directory of its own. Without a [`power_cut`](Self::power_cut), only restarts are tested.
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

    /// Opens the log store on what the disk holds, as a process does when it starts. On a disk that is new, it
    /// is blank.
    ///
    /// All handles of an earlier opening are dropped by then. A store that takes a moment longer to close must
    /// be waited for here.
    fn open(&mut self) -> impl Future<Output = io::Result<Self::LogStore>> + OptionalSend;

    /// The disk as the next start would find it, if the power was cut now: another one, with what is synced, and
    /// with what is not only as far as the disk may happen to have it. It is called while a store is open, which
    /// is dropped soon after. `None` where that cannot be had.
    ///
    /// A copy of the files as they are is what remains of a process that is killed. It finds a store that
    /// acknowledges what it has in its own memory, but not one that forgets to sync.
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
