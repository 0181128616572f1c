use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt, stream};
use openraft::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft::storage::{IOFlushed, LeaderBoundedStreamError, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftTypeConfig};

use super::CallFaults;
use super::log_image::{LogImage, LogWrite, StoredEntry};
use crate::support::entry_stream::{Entries, EntrySource, LeaderBounded, READ_BYTES};
use crate::support::lock::lock;
use crate::support::span::{Hole, Span, check_consecutive};

/// openraft's log storage in memory, for tests of a state machine, a network or the life of a node.
///
/// It is both the [`RaftLogStorage`] that `Raft::new` takes and its [`RaftLogReader`]. A clone is another handle
/// on the same log, so that a node which is stopped starts again on a clone.
///
/// # What holds
///
/// It is as strict as a store on disk. Entries are kept encoded, as [`codec`](crate::codec) frames. An append
/// with a hole is refused. A stream that is bound to a leader ends as soon as the vote is another.
///
/// It knows what is synced: a vote is when `save_vote` returns, a truncation when `truncate_after` returns, an
/// append when its callback runs, and all writes before it with it. `purge` and `save_committed` wait for the
/// next of these. [`crash`](Self::crash) leaves what is synced.
///
/// # Faults
///
/// [`faults`](Self::faults) lets calls fail, take time or wait for the test; see [`LogStoreCall`]. A call that
/// fails changes nothing, and the next one may succeed. But once a callback got an error, nothing more is
/// written: after a sync that failed nobody knows what is on disk. [`crash`](Self::crash) starts anew from what
/// is synced.
///
/// # Examples
///
/// A node whose disk is slow, loses power, and starts again:
///
/// ```
/// use openraft_toolkit::openraft::entry::RaftEntry;
/// use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
/// use openraft_toolkit::openraft::vote::{RaftLeaderId, RaftLeaderIdExt};
/// use openraft_toolkit::openraft::{LogId, alias::{EntryOf, LeaderIdOf}};
/// use openraft_toolkit::test_fakes::{LogStoreCall, MemLogStore};
///
/// openraft_toolkit::declare_raft_types_ext! {
///     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// }
///
/// fn entry(index: u64) -> EntryOf<Types> {
///     EntryOf::<Types>::new_blank(LogId::new(LeaderIdOf::<Types>::new_committed(1, 1), index))
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let mut store = MemLogStore::<Types>::new();
/// store.blocking_append([entry(0)]).await?;
///
/// store.faults().hold(LogStoreCall::Callback); // the disk does not sync
/// store.append([entry(1)], IOFlushed::noop()).await?;
/// assert_eq!(store.try_get_log_entries(..).await?.len(), 2);
///
/// let mut store = store.crash();
/// assert_eq!(store.try_get_log_entries(..).await?, [entry(0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemLogStore<C: RaftTypeConfig> {
    log: Arc<Log<C>>,
}

/// What a [`MemLogStore`] does, one by one: the methods of openraft's [`RaftLogStorage`] and [`RaftLogReader`],
/// and the callback of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogStoreCall {
    /// `append`, before anything is written.
    Append,
    /// The sync of an append, and its callback. It never makes a call wait: the callback comes later, or
    /// gets the error.
    Callback,
    /// `save_vote`.
    SaveVote,
    /// `save_committed`.
    SaveCommitted,
    /// `truncate_after`.
    TruncateAfter,
    /// `purge`.
    Purge,
    /// A read of entries, alone or as a stream.
    ReadEntries,
    /// A read of the vote, of the committed log id or of the log state, as when a node starts.
    ReadState,
}

impl fmt::Display for LogStoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "an append",
            Self::Callback => "the sync of an append",
            Self::SaveVote => "saving the vote",
            Self::SaveCommitted => "saving the committed log id",
            Self::TruncateAfter => "a truncation",
            Self::Purge => "a purge",
            Self::ReadEntries => "a read of entries",
            Self::ReadState => "a read of the log's state",
        })
    }
}

struct Log<C: RaftTypeConfig> {
    state: Mutex<State<C>>,
    faults: CallFaults<LogStoreCall>,
}

struct State<C: RaftTypeConfig> {
    /// What the handles see.
    memory: LogImage<C>,
    /// What a power cut leaves.
    disk: LogImage<C>,
    /// What leads from the one to the other, in order, each with its number.
    unsynced: VecDeque<(u64, LogWrite<C>)>,
    /// Those of appends, each with the number of its write.
    callbacks: VecDeque<(u64, IOFlushed<C>)>,
    /// The number of the last write.
    writes: u64,
    ended: Option<Ended>,
}

/// Why a log takes no more writes.
#[derive(Clone, Debug, thiserror::Error)]
enum Ended {
    #[error("the power was cut; help: use the store that `crash` returned")]
    Crashed,
    #[error("an append was not synced, and nothing is written any more; help: start again from `crash`: {0}")]
    Failed(Arc<io::Error>),
}

impl<C: RaftTypeConfig> MemLogStore<C> {
    /// A blank log, without faults.
    pub fn new() -> Self {
        Self::on(LogImage::default())
    }

    fn on(disk: LogImage<C>) -> Self {
        let state = State {
            memory: disk.clone(),
            disk,
            unsynced: VecDeque::new(),
            callbacks: VecDeque::new(),
            writes: 0,
            ended: None,
        };
        Self {
            log: Arc::new(Log {
                state: Mutex::new(state),
                faults: CallFaults::none(),
            }),
        }
    }

    /// The faults of this log, which all its handles share.
    pub fn faults(&self) -> CallFaults<LogStoreCall> {
        self.log.faults.clone()
    }

    /// How many writes a crash would lose now.
    pub fn unsynced(&self) -> usize {
        lock(&self.log.state).unsynced.len()
    }

    /// Cuts the power: the log as the next start finds it, with what was synced and nothing else, and without
    /// faults.
    ///
    /// To all earlier handles the machine is gone: every call fails, and no callback runs any more. So a node
    /// that still runs on one of them stops; take it off the network first, as its peers must not hear from it.
    pub fn crash(&self) -> Self {
        self.crash_keeping(0)
    }

    /// As [`crash`](Self::crash), but the first `unsynced` writes of those that were not synced happen to be on
    /// disk: what was not acknowledged may be there or not.
    pub fn crash_keeping(&self, unsynced: usize) -> Self {
        let (disk, callbacks) = {
            let mut state = lock(&self.log.state);
            state.ended = Some(Ended::Crashed);
            let mut disk = state.disk.clone();
            for (_, write) in state.unsynced.iter().take(unsynced) {
                disk.apply(write.clone());
            }
            (disk, std::mem::take(&mut state.callbacks))
        };
        // Dropping a callback may wake who waits for it.
        drop(callbacks);
        Self::on(disk)
    }
}

impl<C: RaftTypeConfig> Log<C> {
    /// Changes the log in memory; the change is synced with the next one that is.
    fn write(&self, write: LogWrite<C>) -> io::Result<u64> {
        let mut state = lock(&self.state);
        state.check()?;
        Ok(state.write(write))
    }

    /// Changes the log, and syncs the change with all before it. Their callbacks still come when they are due.
    fn write_synced(&self, write: LogWrite<C>) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.check()?;
        let number = state.write(write);
        state.sync(number);
        Ok(())
    }

    /// The end of the sync that covers all writes up to `number`.
    fn synced(&self, number: u64, outcome: io::Result<()>) {
        let (callbacks, failed) = {
            let mut state = lock(&self.state);
            match (outcome, &state.ended) {
                (_, Some(Ended::Crashed)) => return,
                (Err(e), None) => state.ended = Some(Ended::Failed(Arc::new(e))),
                _ => {}
            }
            if let Some(ended) = state.ended.clone() {
                (std::mem::take(&mut state.callbacks), Some(ended))
            } else {
                state.sync(number);
                let due = state.callbacks.partition_point(|(of, _)| *of <= number);
                (state.callbacks.drain(..due).collect(), None)
            }
        };
        for (_, callback) in callbacks {
            callback.io_completed(match &failed {
                None => Ok(()),
                Some(ended) => Err(io::Error::other(ended.clone())),
            });
        }
    }

    /// Runs `read` on what the handles see.
    fn with_memory<R>(&self, read: impl FnOnce(&LogImage<C>) -> R) -> io::Result<R> {
        let state = lock(&self.state);
        match &state.ended {
            Some(Ended::Crashed) => Err(io::Error::other(Ended::Crashed)),
            _ => Ok(read(&state.memory)),
        }
    }
}

impl<C: RaftTypeConfig> State<C> {
    fn check(&self) -> io::Result<()> {
        match &self.ended {
            None => Ok(()),
            Some(ended) => Err(io::Error::other(ended.clone())),
        }
    }

    fn write(&mut self, write: LogWrite<C>) -> u64 {
        self.writes += 1;
        self.memory.apply(write.clone());
        self.unsynced.push_back((self.writes, write));
        self.writes
    }

    fn sync(&mut self, number: u64) {
        let due = self.unsynced.partition_point(|(of, _)| *of <= number);
        for (_, write) in self.unsynced.drain(..due) {
            self.disk.apply(write);
        }
    }
}

impl<C: RaftTypeConfig> Default for MemLogStore<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: RaftTypeConfig> Clone for MemLogStore<C> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone() }
    }
}

impl<C: RaftTypeConfig> fmt::Debug for MemLogStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.log.state);
        f.debug_struct("MemLogStore")
            .field("vote", &state.memory.vote)
            .field("purged", &state.memory.purged)
            .field("last", &state.memory.last())
            .field("unsynced", &state.unsynced.len())
            .finish_non_exhaustive()
    }
}

impl<C: RaftTypeConfig> RaftLogStorage<C> for MemLogStore<C> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::ReadState).await?;
        self.log.with_memory(|log| LogState {
            last_purged_log_id: log.purged.clone(),
            last_log_id: log.last().cloned(),
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::SaveVote).await?;
        self.log.write_synced(LogWrite::Vote(vote.clone()))
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::SaveCommitted).await?;
        self.log.write(LogWrite::Committed(committed)).map(drop)
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::ReadState).await?;
        self.log.with_memory(|log| log.committed.clone())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| StoredEntry::encode(&entry));
        let entries: Vec<_> = entries
            .collect::<Result<_, _>>()
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        self.log.faults.pass::<C>(LogStoreCall::Append).await?;

        let number = {
            let mut state = lock(&self.log.state);
            state.check()?;
            let last = state.memory.last().map(|last| last.index);
            check_consecutive(last, entries.iter().map(StoredEntry::index)).map_err(refused)?;
            let number = state.write(LogWrite::Append(entries));
            state.callbacks.push_back((number, callback));
            number
        };
        match self.log.faults.pass_now(LogStoreCall::Callback) {
            Some(outcome) => self.log.synced(number, outcome),
            None => {
                let log = self.log.clone();
                // It ends with the callback, which nobody has to wait for.
                drop(C::spawn(async move {
                    let outcome = log.faults.pass::<C>(LogStoreCall::Callback).await;
                    log.synced(number, outcome);
                }));
            }
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::TruncateAfter).await?;
        self.log.write_synced(LogWrite::TruncateAfter(last_log_id))
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::Purge).await?;
        self.log.write(LogWrite::Purge(log_id)).map(drop)
    }
}

fn refused(Hole { index, expected }: Hole) -> io::Error {
    let message = format!("cannot append index {index}, the next index is {expected}");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl<C: RaftTypeConfig> RaftLogReader<C> for MemLogStore<C> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<C::Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        self.read(Span::of(&range), usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        self.read(Span::of(&(start..end)), READ_BYTES).await
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        self.log.faults.pass::<C>(LogStoreCall::ReadState).await?;
        self.log.with_memory(|log| log.vote.clone())
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        match self.log.faults.pass::<C>(LogStoreCall::ReadEntries).await {
            Ok(()) => stream::iter(Entries::new(self.log.clone(), &range)).left_stream(),
            Err(e) => stream::iter([Err(e)]).right_stream(),
        }
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderIdOf<C>,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, LeaderBoundedStreamError<C>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        match self.log.faults.pass::<C>(LogStoreCall::ReadEntries).await {
            Ok(()) => {
                let entries = Entries::new(self.log.clone(), &range);
                stream::iter(LeaderBounded::new(leader, entries)).left_stream()
            }
            Err(e) => stream::iter([Err(e.into())]).right_stream(),
        }
    }
}

impl<C: RaftTypeConfig> MemLogStore<C> {
    async fn read(&self, range: Option<Span>, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        self.log.faults.pass::<C>(LogStoreCall::ReadEntries).await?;
        match range {
            None => Ok(Vec::new()),
            Some(range) => self.log.read(range, max_bytes),
        }
    }
}

impl<C: RaftTypeConfig> EntrySource<C> for Arc<Log<C>> {
    fn span(&self) -> Option<Span> {
        lock(&self.state).memory.span()
    }

    fn with_vote<R>(&self, read: impl FnOnce(Option<&VoteOf<C>>) -> R) -> R {
        read(lock(&self.state).memory.vote.as_ref())
    }

    fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        self.with_memory(|log| log.read(range, max_bytes))?
    }

    fn missing(&self, index: u64) -> io::Error {
        let message = format!("the entry at index {index} is missing from the log");
        io::Error::new(io::ErrorKind::InvalidData, message)
    }
}
