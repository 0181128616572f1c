//! A log store in memory with a flaw.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use openraft_toolkit::openraft::OptionalSend;
use openraft_toolkit::openraft::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit::test_fakes::conformance::LogDisk;
use openraft_toolkit::test_fakes::{LogStoreCall, MemLogStore};
use openraft_toolkit_tests::log::{Entry, Types};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flaw {
    AcknowledgesBeforeTheSync,
    AcknowledgesBeforeTheSyncFromIndex15,
    KeepsTheVoteInMemory,
    SyncsVotesAheadOfAppends,
    SyncsTruncationsWithTheNextAppend,
    ForgetsWhereThePurgeEnded,
    TakesHoles,
    DropsTheCallback,
    NeverCallsBack,
    HidesTheNewestEntry,
    SkipsAnEntry,
    ReadsNothingWhenLimited,
    IgnoresTruncations,
    MakesUpWhatIsCommitted,
    StreamsUnderAnyVote,
    DoesNotOpenAgain,
}
use Flaw::*;

/// A log in memory with a flaw. A clone is another handle to the same log, such as a reader.
#[derive(Clone)]
pub struct Flawed {
    flaw: Flaw,
    log: MemLogStore<Types>,
    /// A separate store for the votes.
    votes: MemLogStore<Types>,
    /// The entries that the last truncation removed.
    truncated: Arc<Mutex<Vec<Entry>>>,
}

pub struct FlawedDisk {
    store: Flawed,
    openings: u64,
}

impl FlawedDisk {
    pub fn new(flaw: Flaw) -> Self {
        let log = MemLogStore::new();
        match flaw {
            AcknowledgesBeforeTheSync | NeverCallsBack => log.faults().hold(LogStoreCall::Callback),
            SyncsVotesAheadOfAppends => log.faults().delay(LogStoreCall::Callback, Duration::from_millis(20)),
            _ => {}
        }
        let store = Flawed {
            flaw,
            log,
            votes: MemLogStore::new(),
            truncated: Arc::default(),
        };
        Self { store, openings: 0 }
    }
}

impl LogDisk<Types> for FlawedDisk {
    type LogStore = Flawed;

    async fn open(&mut self) -> io::Result<Flawed> {
        self.openings += 1;
        match self.store.flaw {
            KeepsTheVoteInMemory => self.store.votes = MemLogStore::new(),
            DoesNotOpenAgain if self.openings > 1 => return Err(io::Error::other("the lock is stale")),
            _ => {}
        }
        Ok(self.store.clone())
    }

    async fn power_cut(&self) -> io::Result<Option<Self>> {
        let mut disk = Self::new(self.store.flaw);
        disk.openings = self.openings;
        disk.store.votes = self.store.votes.crash();

        let mut left = self.store.log.crash();
        let log = &mut disk.store.log;
        if self.store.flaw != ForgetsWhereThePurgeEnded
            && let Some(purged) = left.get_log_state().await?.last_purged_log_id
        {
            log.purge(purged).await?;
        }
        let mut entries = left.try_get_log_entries(..).await?;
        entries.extend(self.store.truncated.lock().unwrap().iter().cloned());
        log.append(entries, IOFlushed::noop()).await?;
        log.save_committed(left.read_committed().await?).await?;
        // A truncation that removes nothing syncs all earlier writes.
        let last = log.get_log_state().await?.last_log_id;
        log.truncate_after(last).await?;
        Ok(Some(disk))
    }
}

impl RaftLogReader<Types> for Flawed {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let mut entries = self.log.try_get_log_entries(range).await?;
        match self.flaw {
            HidesTheNewestEntry => drop(entries.pop()),
            SkipsAnEntry if entries.len() > 6 => drop(entries.remove(3)),
            _ => {}
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        match self.flaw {
            ReadsNothingWhenLimited => Ok(Vec::new()),
            _ => self.log.limited_get_log_entries(start, end).await,
        }
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        self.votes.read_vote().await
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        _leader: LeaderIdOf<Types>,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, LeaderBoundedStreamError<Types>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Only openraft's own suite calls this.
        let entries = self.log.try_get_log_entries(range).await.unwrap();
        stream::iter(entries).map(Ok)
    }
}

impl RaftLogStorage<Types> for Flawed {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        self.log.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        if !matches!(self.flaw, SyncsVotesAheadOfAppends | AcknowledgesBeforeTheSync) {
            self.log.save_vote(vote).await?;
        }
        self.votes.save_vote(vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<Types>>) -> io::Result<()> {
        self.log.save_committed(committed).await
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogIdOf<Types>>> {
        match self.flaw {
            MakesUpWhatIsCommitted => Ok(self.log.get_log_state().await?.last_log_id),
            _ => self.log.read_committed().await,
        }
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.truncated.lock().unwrap().clear();
        match self.flaw {
            AcknowledgesBeforeTheSync => {
                self.log.append(entries, IOFlushed::noop()).await?;
                callback.io_completed(Ok(()));
                Ok(())
            }
            AcknowledgesBeforeTheSyncFromIndex15 => {
                let last = self.log.get_log_state().await?.last_log_id;
                if last.is_some_and(|last| last.index >= 15) {
                    self.log.faults().hold(LogStoreCall::Callback);
                    self.log.append(entries, IOFlushed::noop()).await?;
                    callback.io_completed(Ok(()));
                    return Ok(());
                }
                self.log.append(entries, callback).await
            }
            DropsTheCallback => self.log.append(entries, IOFlushed::noop()).await,
            TakesHoles => {
                let _ = self.log.blocking_append(entries).await;
                callback.io_completed(Ok(()));
                Ok(())
            }
            _ => self.log.append(entries, callback).await,
        }
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<Types>>) -> io::Result<()> {
        let first = last_log_id.map_or(0, |last| last.index + 1);
        match self.flaw {
            IgnoresTruncations => return Ok(()),
            SyncsTruncationsWithTheNextAppend => {
                *self.truncated.lock().unwrap() = self.log.try_get_log_entries(first..).await?;
            }
            _ => {}
        }
        self.log.truncate_after(last_log_id).await
    }

    async fn purge(&mut self, log_id: LogIdOf<Types>) -> io::Result<()> {
        self.log.purge(log_id).await
    }
}
