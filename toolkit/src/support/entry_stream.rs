//! Entries of a range, read a chunk at a time.

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

/// Bytes that `limited_get_log_entries` returns and that a stream holds, about. A single entry
/// may be larger.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// A log that entries are read from.
pub(crate) trait EntrySource<C: RaftTypeConfig> {
    /// The first and the last index of the log, unless it is empty.
    fn span(&self) -> Option<Span>;

    /// Runs `read` on the last saved vote.
    fn with_vote<R>(&self, read: impl FnOnce(Option<&VoteOf<C>>) -> R) -> R;

    /// Reads the entries of `range` that the log contains, in order: all of them, or the first
    /// ones, at least one, up to about `max_bytes`.
    fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>>;

    /// Why an entry that should be there cannot be read.
    fn missing(&self, index: u64) -> io::Error;
}

/// Entries of a range as the log is when the iteration starts. Ends after the first error.
pub(crate) struct Entries<C: RaftTypeConfig, S> {
    source: S,
    chunk: vec::IntoIter<C::Entry>,
    /// What is still to be read.
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
        // The log had all of the range when the iteration started. What was purged or truncated
        // since must not become a hole.
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

/// Entries for as long as the saved vote is the committed one of `leader`.
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
        // A vote never returns to an earlier leader. So if it is this leader's after the read, it
        // was so all the while, and no truncation came between.
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
