//! A log store that breaks a promise, which the checker must find.

use std::fmt::Debug;
use std::io;
use std::mem;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use openraft_toolkit::log_store::{Flat, RocksdbLogStore};
use openraft_toolkit::openraft::OptionalSend;
use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::registers::Registers;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The store acknowledges entries, and only later appends them to the real store.
    CallbackBeforeSync,
    /// The store acknowledges votes, but keeps them in memory.
    VoteNotSaved,
}

#[derive(Clone)]
pub struct BrokenStore(Arc<Mutex<State>>);

struct State {
    breaks: Break,
    log: RocksdbLogStore<Registers, Flat>,
    /// The entries after the last entry in `log`.
    unsynced: Vec<EntryOf<Registers>>,
    /// The vote that was saved since the start.
    vote: Option<VoteOf<Registers>>,
}

impl State {
    async fn sync(&mut self) -> Result<&mut RocksdbLogStore<Registers, Flat>, io::Error> {
        if !self.unsynced.is_empty() {
            self.log.blocking_append(mem::take(&mut self.unsynced)).await?;
        }
        Ok(&mut self.log)
    }
}

impl BrokenStore {
    pub fn new(log: RocksdbLogStore<Registers, Flat>, breaks: Break) -> Self {
        let store = Self(Arc::new(Mutex::new(State {
            breaks,
            log,
            unsynced: Vec::new(),
            vote: None,
        })));
        let synced = store.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(50)).await;
                synced.0.lock().await.sync().await.unwrap();
            }
        });
        store
    }
}

impl RaftLogReader<Registers> for BrokenStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<EntryOf<Registers>>, io::Error> {
        let mut state = self.0.lock().await;
        let first_unsynced = state.unsynced.first().map_or(u64::MAX, |entry| entry.index());
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        let mut entries = Vec::new();
        if start < end.min(first_unsynced) {
            entries = state.log.try_get_log_entries(start..end.min(first_unsynced)).await?;
        }
        let unsynced = state
            .unsynced
            .iter()
            .filter(|entry| (start..end).contains(&entry.index()));
        entries.extend(unsynced.cloned());
        Ok(entries)
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<Registers>>, io::Error> {
        let mut state = self.0.lock().await;
        match state.vote {
            Some(vote) => Ok(Some(vote)),
            None => state.log.read_vote().await,
        }
    }
}

impl RaftLogStorage<Registers> for BrokenStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Registers>, io::Error> {
        self.0.lock().await.sync().await?.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Registers>) -> Result<(), io::Error> {
        let mut state = self.0.lock().await;
        match state.breaks {
            Break::CallbackBeforeSync => state.log.save_vote(vote).await,
            Break::VoteNotSaved => {
                state.vote = Some(*vote);
                Ok(())
            }
        }
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<Registers>>) -> Result<(), io::Error> {
        let mut state = self.0.lock().await;
        match state.breaks {
            // Saving the committed log id would put it after the last entry in the real store.
            Break::CallbackBeforeSync => Ok(()),
            Break::VoteNotSaved => state.log.save_committed(committed).await,
        }
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<Registers>>, io::Error> {
        self.0.lock().await.log.read_committed().await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Registers>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<Registers>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut state = self.0.lock().await;
        match state.breaks {
            Break::CallbackBeforeSync => {
                state.unsynced.extend(entries);
                callback.io_completed(Ok(()));
                Ok(())
            }
            Break::VoteNotSaved => state.log.append(entries, callback).await,
        }
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<Registers>>) -> Result<(), io::Error> {
        self.0.lock().await.sync().await?.truncate_after(last).await
    }

    async fn purge(&mut self, upto: LogIdOf<Registers>) -> Result<(), io::Error> {
        self.0.lock().await.sync().await?.purge(upto).await
    }
}
