//! Iterators over the entries of a range, which they read in chunks. The log stores make openraft's entry streams from
//! them.

use std::io;
use std::ops::RangeBounds;
use std::vec;

use openraft::RaftTypeConfig;
use openraft::alias::{LeaderIdOf, VoteOf};
use openraft::entry::RaftEntry;
use openraft::errors::LeaderChanged;
use openraft::storage::LeaderBoundedStreamError;
use openraft::vote::RaftVote;

use crate::support::span::Span;

/// The approximate limit, in bytes, of the entries that `limited_get_log_entries` returns and of the chunk that a
/// stream holds in memory. A single entry may be larger.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// A log from which [`Entries`] reads.
pub(crate) trait EntrySource<C: RaftTypeConfig> {
    /// Returns the first and the last index of the log, or `None` if the log is empty.
    fn span(&self) -> Option<Span>;

    /// Calls `read` with the last saved vote, or with `None` if no vote was saved, and returns what `read` returns.
    fn with_vote<R>(&self, read: impl FnOnce(Option<&VoteOf<C>>) -> R) -> R;

    /// Reads the entries of `range` that the log contains, in order. Stops after about `max_bytes`, but reads at least
    /// one entry if there is one.
    fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>>;

    /// Returns the error for a read that finds no entry at `index`, although the log contained this index before.
    fn missing(&self, index: u64) -> io::Error;
}

/// Iterates over those entries of a range that the log contains when the iterator is made. The iteration ends after the
/// first error.
pub(crate) struct Entries<C: RaftTypeConfig, S> {
    source: S,
    chunk: vec::IntoIter<C::Entry>,
    /// The indexes that are not read yet.
    rest: Option<Span>,
}

impl<C: RaftTypeConfig, S: EntrySource<C>> Entries<C, S> {
    pub(crate) fn new(source: S, range: &impl RangeBounds<u64>) -> Self {
        let rest = Span::of(range).and_then(|range| source.span()?.intersect(range));
        Self {
            source,
            chunk: Vec::new().into_iter(),
            rest,
        }
    }
}

impl<C: RaftTypeConfig, S: EntrySource<C>> Iterator for Entries<C, S> {
    type Item = Result<C::Entry, io::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.chunk.next() {
            return Some(Ok(entry));
        }
        let rest = self.rest.take()?;
        let chunk = match self.source.read(rest, READ_BYTES) {
            Ok(chunk) => chunk,
            Err(e) => return Some(Err(e)),
        };
        // The log contained the whole range when the iteration started. If entries were purged or truncated since,
        // return an error, because the caller must not see a hole.
        match (chunk.first(), chunk.last()) {
            (Some(first), Some(last)) if first.index() == rest.first => {
                self.rest = last.index().checked_add(1).and_then(|next| Span::new(next, rest.last));
            }
            _ => return Some(Err(self.source.missing(rest.first))),
        }
        self.chunk = chunk.into_iter();
        self.chunk.next().map(Ok)
    }
}

/// Iterates over entries for as long as the saved vote is the committed vote of `leader`. If the vote changes, the next
/// item is the error `LeaderChanged`, and the iteration ends.
pub(crate) struct LeaderBounded<C: RaftTypeConfig, S> {
    leader: LeaderIdOf<C>,
    entries: Entries<C, S>,
    ended: bool,
}

impl<C: RaftTypeConfig, S: EntrySource<C>> LeaderBounded<C, S> {
    pub(crate) fn new(leader: LeaderIdOf<C>, entries: Entries<C, S>) -> Self {
        Self {
            leader,
            entries,
            ended: false,
        }
    }
}

impl<C: RaftTypeConfig, S: EntrySource<C>> Iterator for LeaderBounded<C, S> {
    type Item = Result<C::Entry, LeaderBoundedStreamError<C>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entries.next();
        // Check the vote after the read. The saved vote never returns to an earlier leader. So if the vote is
        // `leader`'s now, it was `leader`'s during the whole read, and no truncation came in between.
        let changed = self.entries.source.with_vote(|vote| match vote {
            Some(vote) if vote.is_committed() && *vote.leader_id() == self.leader => None,
            vote => Some(vote.cloned()),
        });
        if let Some(vote) = changed {
            self.ended = true;
            return Some(Err(LeaderChanged::new(self.leader.clone(), vote).into()));
        }
        Some(entry?.map_err(Into::into))
    }
}
