//! Stores in memory, with which tests can run with a paused clock.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard};

use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft_toolkit::openraft::{OptionalSend, RaftTypeConfig};
use openraft_toolkit_tests::state_machine::KvStateMachine;
use openraft_toolkit_tests::types::TypeConfig;
use tempfile::TempDir;

/// A log in memory that keeps entries unencoded. Unlike `MemLogStore`, it works with types that do not survive
/// encoding. A clone is another handle to the same log.
pub struct MemLog<C: RaftTypeConfig>(Arc<Mutex<Log<C>>>);

struct Log<C: RaftTypeConfig> {
    vote: Option<VoteOf<C>>,
    committed: Option<LogIdOf<C>>,
    last_purged: Option<LogIdOf<C>>,
    entries: BTreeMap<u64, EntryOf<C>>,
}

impl<C: RaftTypeConfig> MemLog<C> {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Log {
            vote: None,
            committed: None,
            last_purged: None,
            entries: BTreeMap::new(),
        })))
    }

    fn log(&self) -> MutexGuard<'_, Log<C>> {
        self.0.lock().unwrap()
    }
}

impl<C: RaftTypeConfig> Clone for MemLog<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: RaftTypeConfig<Entry: Clone>> RaftLogReader<C> for MemLog<C> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<EntryOf<C>>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(self
            .log()
            .entries
            .range(range)
            .map(|(_, entry)| entry.clone())
            .collect())
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        Ok(self.log().vote.clone())
    }
}

impl<C: RaftTypeConfig<Entry: Clone>> RaftLogStorage<C> for MemLog<C> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let log = self.log();
        let last = log.entries.last_key_value().map(|(_, entry)| entry.log_id());
        Ok(LogState {
            last_purged_log_id: log.last_purged.clone(),
            last_log_id: last.or(log.last_purged.clone()),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        self.log().vote = Some(vote.clone());
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.log().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        Ok(self.log().committed.clone())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<C>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| (entry.index(), entry));
        self.log().entries.extend(entries);
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.log().entries.split_off(&last.map_or(0, |last| last.index + 1));
        Ok(())
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        let mut log = self.log();
        log.entries = log.entries.split_off(&(log_id.index + 1));
        log.last_purged = Some(log_id);
        Ok(())
    }
}

/// The disks of the nodes of a cluster: logs in memory, and snapshots in files.
#[derive(Clone, Default)]
pub struct Disks(Arc<Mutex<BTreeMap<u64, Disk>>>);

type Disk = (MemLog<TypeConfig>, TempDir);

impl Disks {
    pub async fn open(self, id: u64) -> io::Result<(MemLog<TypeConfig>, KvStateMachine)> {
        let mut disks = self.0.lock().unwrap();
        let (log, dir) = disks
            .entry(id)
            .or_insert_with(|| (MemLog::new(), tempfile::tempdir().unwrap()));
        Ok((log.clone(), KvStateMachine::open(dir.path())))
    }
}
