//! What a log store should hold after a sequence of calls, to compare real ones with.

use std::io;

use openraft_toolkit::openraft::alias::{LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};

use crate::log_store::{Entry, Types, entry, log_id};

/// A call, relative to the state that it meets, so that any sequence is one that openraft could
/// make.
#[derive(Clone, Debug)]
pub enum Op {
    /// Appends this many entries in a new term, of this many bytes, and waits until they are
    /// durable or not.
    Append { count: u64, bytes: usize, wait: bool },
    /// Removes this many entries from the end.
    Truncate { count: u64 },
    /// Purges up to this many entries past the first, maybe past the last.
    Purge { count: u64 },
    /// Saves a vote of a new term.
    Vote { committed: bool },
    /// Saves the last log id, or nothing, as committed.
    Committed { some: bool },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub vote: Option<VoteOf<Types>>,
    pub committed: Option<LogIdOf<Types>>,
    pub purged: Option<LogIdOf<Types>>,
    pub last: Option<LogIdOf<Types>>,
    pub entries: Vec<Entry>,
}

impl Model {
    /// Applies `op` to the model and to `store`.
    pub async fn apply(&mut self, op: &Op, store: &mut impl RaftLogStorage<Types>) -> io::Result<()> {
        match *op {
            Op::Append { wait, .. } => {
                let appended = self.step(op);
                match wait {
                    true => store.blocking_append(appended).await.map_err(io::Error::other),
                    false => store.append(appended, IOFlushed::noop()).await,
                }
            }
            Op::Truncate { .. } => {
                self.step(op);
                store.truncate_after(self.last).await
            }
            Op::Purge { .. } => {
                self.step(op);
                match self.purged {
                    Some(log_id) => store.purge(log_id).await,
                    None => Ok(()),
                }
            }
            Op::Vote { .. } => {
                self.step(op);
                store.save_vote(&self.vote.unwrap()).await
            }
            Op::Committed { .. } => {
                self.step(op);
                store.save_committed(self.committed).await
            }
        }
    }

    /// Applies `op` to the model alone; returns the entries that it appends.
    pub fn step(&mut self, op: &Op) -> Vec<Entry> {
        let term = self.term() + 1;
        match *op {
            Op::Append { count, bytes, .. } => {
                let next = self.last.map_or(0, |last| last.index + 1);
                let data = "x".repeat(bytes);
                let appended: Vec<_> = (next..next + count).map(|index| entry(term, index, &data)).collect();
                self.entries.extend(appended.iter().cloned());
                self.last = appended.last().map(RaftEntry::log_id).or(self.last);
                return appended;
            }
            Op::Truncate { count } => {
                let keep = self.entries.len().saturating_sub(count as usize);
                self.entries.truncate(keep);
                self.last = self.entries.last().map(RaftEntry::log_id).or(self.purged);
            }
            Op::Purge { count } => {
                let upto = self.purged.map_or(0, |purged| purged.index + 1) + count;
                let found = self
                    .entries
                    .iter()
                    .map(RaftEntry::log_id)
                    .find(|log_id| log_id.index == upto);
                let upto = found.unwrap_or(log_id(term, upto));
                self.entries.retain(|entry| entry.index() > upto.index);
                self.purged = Some(upto);
                self.last = self.last.max(self.purged);
                if self.entries.is_empty() {
                    self.last = self.purged;
                }
            }
            Op::Vote { committed } => {
                self.vote = Some(VoteOf::<Types> {
                    committed,
                    ..VoteOf::<Types>::new(term, 1)
                });
            }
            Op::Committed { some } => self.committed = self.last.filter(|_| some),
        }
        Vec::new()
    }

    /// What `store` says that it holds.
    pub async fn of(store: &mut (impl RaftLogStorage<Types> + RaftLogReader<Types>)) -> Self {
        Self::try_of(store).await.unwrap()
    }

    /// What `store` says that it holds, unless it is damaged.
    pub async fn try_of(store: &mut (impl RaftLogStorage<Types> + RaftLogReader<Types>)) -> io::Result<Self> {
        let LogState {
            last_purged_log_id,
            last_log_id,
        } = store.get_log_state().await?;
        Ok(Self {
            vote: store.read_vote().await?,
            committed: store.read_committed().await?,
            purged: last_purged_log_id,
            last: last_log_id,
            entries: store.try_get_log_entries(..).await?,
        })
    }

    fn term(&self) -> u64 {
        let terms = [
            self.vote.map_or(0, |vote| vote.leader_id.term),
            self.last.map_or(0, |log_id| log_id.leader_id.term),
            self.purged.map_or(0, |log_id| log_id.leader_id.term),
        ];
        terms.into_iter().max().unwrap_or(0)
    }
}
