//! [`MemLogStore`], with openraft's traits for log storage.

use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use openraft::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft::storage::{IOFlushed, LeaderBoundedStreamError, LogState, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftTypeConfig};

use super::call::LogStoreCall;
use super::log::Log;
use crate::support::entry_stream::{Entries, EntrySource, LeaderBounded, READ_BYTES};
use crate::support::span::Span;
use crate::test_fakes::call_faults::CallFaults;
use crate::test_fakes::log_image::{LogImage, LogWrite, StoredEntry};

/// openraft's log storage in memory, for tests of a state machine, a network, or starting and stopping nodes.
///
/// This type is both the [`RaftLogStorage`] that `Raft::new` takes and its [`RaftLogReader`]. A clone is another handle
/// on the same log, so a stopped node can start again on a clone.
///
/// # Guarantees
///
/// The store is as strict as a store on disk. It keeps entries encoded, as [`codec`](crate::codec) frames. It refuses
/// an append with a hole. It ends a leader-bounded stream as soon as the vote changes.
///
/// The store knows which writes are durable. A vote is durable when `save_vote` returns, a truncation when
/// `truncate_after` returns, and an append at the latest when its callback reports success. Each of these three also
/// makes all writes before it durable. A purge past the last entry is durable when `purge` returns, as in
/// `RocksdbLogStore`: openraft does not repair a log in which such a purge was undone. What any other `purge` or
/// `save_committed` writes becomes durable only when a later write of one of the kinds above does.
/// [`crash`](Self::crash) keeps only what is durable.
///
/// # Faults
///
/// [`faults`](Self::faults) makes calls fail, take time, or wait until the test releases them; see [`LogStoreCall`]. A
/// call that fails changes nothing, and the next call may succeed. A failed [`Callback`](LogStoreCall::Callback) is
/// final: all later writes fail, because after a failed sync nobody knows what is on the disk. To continue from what is
/// durable, use the store that [`crash`](Self::crash) returns.
///
/// # Examples
///
/// The disk of a node stops syncing, loses power, and is opened again:
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
    faults: CallFaults<LogStoreCall>,
}

impl<C: RaftTypeConfig> MemLogStore<C> {
    /// Returns a blank store, without faults.
    pub fn new() -> Self {
        Self::from_disk(LogImage::default())
    }

    fn from_disk(disk: LogImage<C>) -> Self {
        Self {
            log: Arc::new(Log::from_disk(disk)),
            faults: CallFaults::none(),
        }
    }

    /// Returns the faults of this store, which all its handles share.
    pub fn faults(&self) -> CallFaults<LogStoreCall> {
        self.faults.clone()
    }

    /// Returns how many writes are not durable, so that a crash would lose them.
    pub fn unsynced(&self) -> usize {
        self.log.unsynced()
    }

    /// Simulates a power failure. Returns a store that holds only what is durable, and has no faults.
    ///
    /// On all earlier handles, every later read or write of the log fails, and no callback runs any more. A node that
    /// still runs on such a handle stops at its next read or write. Disconnect the node from the network before this
    /// call, because its peers must not hear from a machine without power.
    pub fn crash(&self) -> Self {
        self.crash_keeping(0)
    }

    /// Simulates a power failure like [`crash`](Self::crash), but the returned store also has the first `unsynced` of
    /// the writes that are not durable, in the order of the calls. A real disk may keep such writes.
    pub fn crash_keeping(&self, unsynced: usize) -> Self {
        Self::from_disk(self.log.crash(unsynced))
    }
}

impl<C: RaftTypeConfig> Default for MemLogStore<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: RaftTypeConfig> Clone for MemLogStore<C> {
    fn clone(&self) -> Self {
        Self {
            log: self.log.clone(),
            faults: self.faults.clone(),
        }
    }
}

impl<C: RaftTypeConfig> fmt::Debug for MemLogStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MemLogStore");
        self.log.show(&mut shown);
        shown.finish_non_exhaustive()
    }
}

impl<C: RaftTypeConfig> RaftLogStorage<C> for MemLogStore<C> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        self.faults.pass::<C>(LogStoreCall::ReadState).await?;
        self.log.with_memory(|log| LogState {
            last_purged_log_id: log.purged.clone(),
            last_log_id: log.last().cloned(),
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<C>) -> Result<(), io::Error> {
        self.faults.pass::<C>(LogStoreCall::SaveVote).await?;
        self.log.write_synced(LogWrite::Vote(vote.clone()))
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.faults.pass::<C>(LogStoreCall::SaveCommitted).await?;
        self.log.write(LogWrite::Committed(committed)).map(drop)
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<C>>, io::Error> {
        self.faults.pass::<C>(LogStoreCall::ReadState).await?;
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
        self.faults.pass::<C>(LogStoreCall::Append).await?;

        let number = self.log.append(entries, callback)?;
        match self.faults.pass_now(LogStoreCall::Callback) {
            Some(outcome) => self.log.end_sync(number, outcome),
            None => {
                let (log, faults) = (self.log.clone(), self.faults.clone());
                // Detach the task: it ends when the callback has run, and nobody needs to wait for it.
                drop(C::spawn(async move {
                    let outcome = faults.pass::<C>(LogStoreCall::Callback).await;
                    log.end_sync(number, outcome);
                }));
            }
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<C>>) -> Result<(), io::Error> {
        self.faults.pass::<C>(LogStoreCall::TruncateAfter).await?;
        self.log.write_synced(LogWrite::TruncateAfter(last_log_id))
    }

    async fn purge(&mut self, log_id: LogIdOf<C>) -> Result<(), io::Error> {
        self.faults.pass::<C>(LogStoreCall::Purge).await?;
        self.log.purge(log_id)
    }
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
        self.faults.pass::<C>(LogStoreCall::ReadState).await?;
        self.log.with_memory(|log| log.vote.clone())
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        match self.faults.pass::<C>(LogStoreCall::ReadEntries).await {
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
        match self.faults.pass::<C>(LogStoreCall::ReadEntries).await {
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
        self.faults.pass::<C>(LogStoreCall::ReadEntries).await?;
        match range {
            None => Ok(Vec::new()),
            Some(range) => self.log.read(range, max_bytes),
        }
    }
}
