//! What a log store holds at one moment, and what each write changes.
//!
//! `MemLogStore` keeps such images, and the conformance tests compare the store under test with one.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use openraft::entry::RaftEntry;

use crate::codec::{CodecError, decode, encode};
use crate::support::span::Span;

/// The version of the frames of entries.
const VERSION: u8 = 1;

/// Everything that a log store holds at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LogImage<C: RaftTypeConfig> {
    pub(super) vote: Option<VoteOf<C>>,
    pub(super) committed: Option<LogIdOf<C>>,
    pub(super) purged: Option<LogIdOf<C>>,
    /// The entries. Their indexes are consecutive, and the first entry follows `purged` unless `purged` is `None`. Only
    /// an image that was read from a broken store may differ.
    pub(super) entries: VecDeque<StoredEntry<C>>,
}

/// An entry, encoded as it would be on a disk. So a test notices an entry that does not survive encoding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredEntry<C: RaftTypeConfig> {
    pub(super) log_id: LogIdOf<C>,
    frame: Arc<[u8]>,
}

/// A write to a log.
#[derive(Clone, Debug)]
pub(super) enum LogWrite<C: RaftTypeConfig> {
    Vote(VoteOf<C>),
    Committed(Option<LogIdOf<C>>),
    Append(Vec<StoredEntry<C>>),
    TruncateAfter(Option<LogIdOf<C>>),
    Purge(LogIdOf<C>),
}

impl<C: RaftTypeConfig> StoredEntry<C> {
    pub(super) fn encode(entry: &C::Entry) -> Result<Self, CodecError> {
        Ok(Self {
            log_id: entry.log_id(),
            frame: encode(VERSION, entry)?.into(),
        })
    }

    pub(super) fn decode(&self) -> Result<C::Entry, CodecError> {
        decode(VERSION, &self.frame)
    }

    pub(super) fn index(&self) -> u64 {
        self.log_id.index
    }
}

impl<C: RaftTypeConfig> LogImage<C> {
    /// Returns the log id of the last entry, or the last purged log id if there are no entries.
    pub(super) fn last(&self) -> Option<&LogIdOf<C>> {
        self.entries.back().map(|last| &last.log_id).or(self.purged.as_ref())
    }

    /// Returns the first and the last index of the entries, or `None` if there are no entries.
    pub(super) fn span(&self) -> Option<Span> {
        Span::new(self.entries.front()?.index(), self.entries.back()?.index())
    }

    /// Returns the entries of `range` that the log contains.
    pub(super) fn range(&self, range: Span) -> impl Iterator<Item = &StoredEntry<C>> {
        self.entries
            .iter()
            .skip_while(move |entry| entry.index() < range.first)
            .take_while(move |entry| entry.index() <= range.last)
    }

    /// Reads entries as [`EntrySource::read`](crate::support::entry_stream::EntrySource::read) does.
    pub(super) fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        let mut bytes = 0;
        let entries = self.range(range).take_while(|entry| {
            let room = bytes == 0 || bytes < max_bytes;
            bytes += entry.frame.len();
            room
        });
        entries
            .map(|entry| {
                entry
                    .decode()
                    .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
            })
            .collect()
    }

    /// Applies `write` to the log.
    pub(super) fn apply(&mut self, write: LogWrite<C>) {
        match write {
            LogWrite::Vote(vote) => self.vote = Some(vote),
            LogWrite::Committed(committed) => self.committed = committed,
            LogWrite::Append(entries) => self.entries.extend(entries),
            LogWrite::TruncateAfter(last) => {
                let keep = |entry: &StoredEntry<C>| last.as_ref().is_some_and(|last| entry.index() <= last.index);
                self.entries.retain(keep);
            }
            LogWrite::Purge(upto) => {
                if self.purged.as_ref().is_none_or(|purged| purged.index < upto.index) {
                    self.entries.retain(|entry| entry.index() > upto.index);
                    self.purged = Some(upto);
                }
            }
        }
    }
}
