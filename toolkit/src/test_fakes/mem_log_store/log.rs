//! Which writes of a log are in memory, and which are durable.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use openraft::storage::IOFlushed;

use crate::support::entry_stream::EntrySource;
use crate::support::lock::lock;
use crate::support::span::{Hole, Span, check_consecutive};
use crate::test_fakes::log_image::{LogImage, LogWrite, StoredEntry};

/// A log in memory, and an image of the part that is durable.
pub(super) struct Log<C: RaftTypeConfig> {
    state: Mutex<State<C>>,
}

struct State<C: RaftTypeConfig> {
    /// The log that the handles read: everything that was written.
    memory: LogImage<C>,
    /// The log that survives any power failure: everything that is durable.
    disk: LogImage<C>,
    /// The writes that are in `memory` and not on `disk`, in order, each with its number.
    unsynced: VecDeque<(u64, LogWrite<C>)>,
    /// The callbacks that have not run yet, each with the number of the append that it belongs to.
    callbacks: VecDeque<(u64, IOFlushed<C>)>,
    /// The number of the last write.
    writes: u64,
    /// Why the log accepts no more writes. `None` as long as it accepts them.
    ended: Option<Ended>,
}

/// Why a log accepts no more writes.
#[derive(Clone, Debug, thiserror::Error)]
enum Ended {
    #[error("the power was cut; help: use the store that `crash` returned")]
    Crashed,
    #[error("the sync of an append failed, so nothing is written any more; help: start again from `crash`: {0}")]
    Failed(Arc<io::Error>),
}

impl<C: RaftTypeConfig> Log<C> {
    /// Returns a log whose memory and disk both hold `disk`.
    pub(super) fn from_disk(disk: LogImage<C>) -> Self {
        Self {
            state: Mutex::new(State {
                memory: disk.clone(),
                disk,
                unsynced: VecDeque::new(),
                callbacks: VecDeque::new(),
                writes: 0,
                ended: None,
            }),
        }
    }

    /// Returns how many writes are not durable.
    pub(super) fn unsynced(&self) -> usize {
        lock(&self.state).unsynced.len()
    }

    /// Adds a summary of the log to a `Debug` output.
    pub(super) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        let state = lock(&self.state);
        shown
            .field("vote", &state.memory.vote)
            .field("purged", &state.memory.purged)
            .field("last", &state.memory.last())
            .field("unsynced", &state.unsynced.len());
    }

    /// Ends the log: every later read or write of it fails, and no callback runs any more. Returns what is then on
    /// disk: everything that is durable, and the first `kept` of the writes that are not durable.
    pub(super) fn crash(&self, kept: usize) -> LogImage<C> {
        let (disk, callbacks) = {
            let mut state = lock(&self.state);
            state.ended = Some(Ended::Crashed);
            let mut disk = state.disk.clone();
            for (_, write) in state.unsynced.iter().take(kept) {
                disk.apply(write.clone());
            }
            (disk, std::mem::take(&mut state.callbacks))
        };
        // Drop the callbacks after the lock is released, because dropping one may wake a task that waits for it, and
        // that task may need the lock.
        drop(callbacks);
        disk
    }

    /// Writes to memory, and returns the number of the write. The write becomes durable when a later write does.
    pub(super) fn write(&self, write: LogWrite<C>) -> io::Result<u64> {
        let mut state = lock(&self.state);
        state.check()?;
        Ok(state.write(write))
    }

    /// Appends consecutive entries, and keeps `callback` until [`end_sync`](Self::end_sync). Returns the number of the
    /// write, or an error if the entries leave a hole or the log accepts no more writes.
    pub(super) fn append(&self, entries: Vec<StoredEntry<C>>, callback: IOFlushed<C>) -> io::Result<u64> {
        let mut state = lock(&self.state);
        state.check()?;
        let last = state.memory.last().map(|last| last.index);
        check_consecutive(last, entries.iter().map(StoredEntry::index)).map_err(refused)?;
        let number = state.write(LogWrite::Append(entries));
        state.callbacks.push_back((number, callback));
        Ok(number)
    }

    /// Purges up to `upto`. If this changes the last log id, makes the purge and all writes before it durable.
    pub(super) fn purge(&self, upto: LogIdOf<C>) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.check()?;
        let last = state.memory.last().cloned();
        let number = state.write(LogWrite::Purge(upto));
        if state.memory.last() != last.as_ref() {
            state.sync(number);
        }
        Ok(())
    }

    /// Applies a write, and makes this write and all writes before it durable. Callbacks of appends run later, when
    /// their own sync ends.
    pub(super) fn write_synced(&self, write: LogWrite<C>) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.check()?;
        let number = state.write(write);
        state.sync(number);
        Ok(())
    }

    /// Ends the sync of the append with this number. If the sync succeeded, makes all writes up to this number durable
    /// and runs their callbacks. If the sync failed, ends the log, and runs every callback that has not run yet with an
    /// error. After a crash or an earlier failed sync, does nothing, because no callback is left to run.
    pub(super) fn end_sync(&self, number: u64, outcome: io::Result<()>) {
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
                let due = state.callbacks.partition_point(|(write, _)| *write <= number);
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

    /// Returns what `read` returns for the log in memory, or an error after a crash.
    pub(super) fn with_memory<R>(&self, read: impl FnOnce(&LogImage<C>) -> R) -> io::Result<R> {
        let state = lock(&self.state);
        match &state.ended {
            Some(Ended::Crashed) => Err(io::Error::other(Ended::Crashed)),
            _ => Ok(read(&state.memory)),
        }
    }
}

impl<C: RaftTypeConfig> State<C> {
    /// Returns an error if the log accepts no more writes.
    fn check(&self) -> io::Result<()> {
        match &self.ended {
            None => Ok(()),
            Some(ended) => Err(io::Error::other(ended.clone())),
        }
    }

    /// Writes to memory, and returns the number of the write.
    fn write(&mut self, write: LogWrite<C>) -> u64 {
        self.writes += 1;
        self.memory.apply(write.clone());
        self.unsynced.push_back((self.writes, write));
        self.writes
    }

    /// Makes all writes up to this number durable.
    fn sync(&mut self, number: u64) {
        let due = self.unsynced.partition_point(|(write, _)| *write <= number);
        for (_, write) in self.unsynced.drain(..due) {
            self.disk.apply(write);
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

fn refused(Hole { index, expected }: Hole) -> io::Error {
    let message = format!("cannot append index {index}, the next index is {expected}");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
