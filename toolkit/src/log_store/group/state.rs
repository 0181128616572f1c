//! What is in memory of one raft group.

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};

use super::tail::Tail;
use crate::support::span::Span;

/// The state of a group, as RocksDB will have it once the queue is written.
///
/// `span`, `last`, `purged` and `tail` depend on one another: only [`appended`](Self::appended),
/// [`truncated`](Self::truncated) and [`purged_to`](Self::purged_to) change them.
pub(in crate::log_store) struct State<C: RaftTypeConfig> {
    pub(in crate::log_store) vote: Option<VoteOf<C>>,
    pub(in crate::log_store) committed: Option<LogIdOf<C>>,
    purged: Option<LogIdOf<C>>,
    /// The last entry, or the last purged one if the log is empty.
    last: Option<LogIdOf<C>>,
    /// The first and the last index of the log, unless it is empty.
    span: Option<Span>,
    tail: Tail,
}

impl<C: RaftTypeConfig> Default for State<C> {
    fn default() -> Self {
        Self::loaded(None, None, None, None)
    }
}

impl<C: RaftTypeConfig> State<C> {
    /// The state of a group of which nothing is in memory yet. `ends` are the first and the last entry.
    pub(super) fn loaded(
        vote: Option<VoteOf<C>>,
        committed: Option<LogIdOf<C>>,
        purged: Option<LogIdOf<C>>,
        ends: Option<[LogIdOf<C>; 2]>,
    ) -> Self {
        let span = ends
            .as_ref()
            .and_then(|[first, last]| Span::new(first.index, last.index));
        Self {
            vote,
            committed,
            last: ends.map(|[_, last]| last).or_else(|| purged.clone()),
            purged,
            span,
            tail: Tail::default(),
        }
    }

    pub(in crate::log_store) fn purged(&self) -> Option<&LogIdOf<C>> {
        self.purged.as_ref()
    }

    /// The last entry, or the last purged one if the log is empty.
    pub(in crate::log_store) fn last(&self) -> Option<&LogIdOf<C>> {
        self.last.as_ref()
    }

    /// The first and the last index of the log, unless it is empty.
    pub(in crate::log_store) fn span(&self) -> Option<Span> {
        self.span
    }

    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Returns the tail, to add the entries of an append before [`appended`](Self::appended), or to evict
    /// entries that RocksDB has.
    pub(super) fn tail_mut(&mut self) -> &mut Tail {
        &mut self.tail
    }

    /// Entries from `first` to `last` were appended.
    pub(super) fn appended(&mut self, first: u64, last: LogIdOf<C>) {
        self.span = Some(Span {
            first: self.span.map_or(first, |span| span.first),
            last: last.index,
        });
        self.last = Some(last);
    }

    /// Returns the entries that a truncation behind `last` removes.
    pub(super) fn behind(&self, last: Option<&LogIdOf<C>>) -> Option<Span> {
        match last {
            None => self.span,
            Some(last) => self.span?.after(last.index),
        }
    }

    /// The entries `gone`, which are those behind `last`, were truncated.
    pub(super) fn truncated(&mut self, gone: Span, last: Option<LogIdOf<C>>) {
        self.tail.truncate_from(gone.first);
        self.span = self.span.and_then(|span| span.before(gone.first));
        self.last = match self.span {
            Some(_) => last,
            None => self.purged.clone(),
        };
    }

    /// Returns the entries that a purge up to `index` removes.
    pub(super) fn up_to(&self, index: u64) -> Option<Span> {
        self.span?.up_to(index)
    }

    /// The log was purged up to `upto`, which may lie behind its last entry.
    pub(super) fn purged_to(&mut self, upto: LogIdOf<C>) {
        self.tail.purge_to(upto.index);
        self.span = self.span.and_then(|span| span.after(upto.index));
        if self.span.is_none() {
            self.last = Some(upto.clone());
        }
        self.purged = Some(upto);
    }
}
