//! Calls on a log store, and a model of what the store must hold after the calls.
//!
//! `test_fakes::conformance` has the same calls as [`Call`], but decides differently whether a store is right. It knows
//! what openraft allows a store to lose, and shares code with `MemLogStore`. [`Model`] knows the one state that the
//! stores of this library must have, and shares no code with these stores.

use std::error::Error;
use std::io;
use std::path::Path;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, open_db};
use openraft_toolkit::openraft::alias::{LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt};

use crate::log::{Entry, Store, Types, entry, log_id};

/// A call. Its counts are relative to the log at the time of the call, so that openraft could make any sequence of
/// calls.
#[derive(Clone, Debug)]
pub enum Call {
    /// Appends `count` entries of a new term with `bytes` bytes of data each, and waits until they are durable if
    /// `wait` is true.
    Append { count: u64, bytes: usize, wait: bool },
    /// Removes `count` entries from the end.
    Truncate { count: u64 },
    /// Purges up to the entry that is `count` entries after the first. It may be after the last entry.
    Purge { count: u64 },
    /// Saves a vote of a new term.
    Vote { committed: bool },
    /// Saves the last log id as committed, or `None` if `some` is false.
    Committed { some: bool },
}

impl Call {
    /// Returns an append of `count` entries that waits until the entries are durable.
    pub const fn append(count: u64, bytes: usize) -> Self {
        Self::Append {
            count,
            bytes,
            wait: true,
        }
    }
}

/// What a log store holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub vote: Option<VoteOf<Types>>,
    pub committed: Option<LogIdOf<Types>>,
    pub purged: Option<LogIdOf<Types>>,
    pub last: Option<LogIdOf<Types>>,
    pub entries: Vec<Entry>,
}

impl Model {
    /// Makes `call` on the model and on `store`.
    pub async fn apply(&mut self, call: &Call, store: &mut impl RaftLogStorage<Types>) -> io::Result<()> {
        match *call {
            Call::Append { wait, .. } => {
                let appended = self.step(call);
                match wait {
                    true => store.blocking_append(appended).await.map_err(io::Error::other),
                    false => store.append(appended, IOFlushed::noop()).await,
                }
            }
            Call::Truncate { .. } => {
                self.step(call);
                store.truncate_after(self.last).await
            }
            Call::Purge { .. } => {
                self.step(call);
                match self.purged {
                    Some(log_id) => store.purge(log_id).await,
                    None => Ok(()),
                }
            }
            Call::Vote { .. } => {
                self.step(call);
                store.save_vote(&self.vote.unwrap()).await
            }
            Call::Committed { .. } => {
                self.step(call);
                store.save_committed(self.committed).await
            }
        }
    }

    /// Makes `call` on the model alone, and returns the entries that the call appends.
    pub fn step(&mut self, call: &Call) -> Vec<Entry> {
        let term = self.term() + 1;
        match *call {
            Call::Append { count, bytes, .. } => {
                let next = self.last.map_or(0, |last| last.index + 1);
                let data = "x".repeat(bytes);
                let appended: Vec<_> = (next..next + count).map(|index| entry(term, index, &data)).collect();
                self.entries.extend(appended.iter().cloned());
                self.last = appended.last().map(RaftEntry::log_id).or(self.last);
                return appended;
            }
            Call::Truncate { count } => {
                let keep = self.entries.len().saturating_sub(count as usize);
                self.entries.truncate(keep);
                self.last = self.entries.last().map(RaftEntry::log_id).or(self.purged);
            }
            Call::Purge { count } => {
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
            Call::Vote { committed } => {
                self.vote = Some(VoteOf::<Types> {
                    committed,
                    ..VoteOf::<Types>::new(term, 1)
                });
            }
            Call::Committed { some } => self.committed = self.last.filter(|_| some),
        }
        Vec::new()
    }

    /// Reads all that `store` holds.
    pub async fn of(store: &mut (impl RaftLogStorage<Types> + RaftLogReader<Types>)) -> Self {
        Self::try_of(store).await.unwrap()
    }

    /// Reads all that `store` holds, and fails if any of it is damaged.
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

/// Opens the database in `dir` and reads all that `groups` hold.
pub async fn read_groups(dir: impl AsRef<Path>, groups: &[u64]) -> Result<Vec<Model>, Box<dyn Error>> {
    let db = open_db(dir, LogDbOptions::default())?;
    let mut models = Vec::new();
    for group in groups {
        let mut store = Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(*group))?;
        models.push(Model::try_of(&mut store).await?);
    }
    Ok(models)
}
