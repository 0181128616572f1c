//! The state of one raft group in memory, and how each change alters it.

use std::sync::Arc;

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};

use super::tail::Tail;
use crate::log_store::encoded::{Record, RecordRange};
use crate::log_store::writer::queue::BatchNumber;
use crate::support::span::Span;

/// The state of a group, as RocksDB will hold it once the queue is written.
///
/// `span`, `last`, `purged` and `tail` depend on one another. They are private, so that only the methods of this
/// type change them, one for each kind of change.
pub(in crate::log_store) struct State<C: RaftTypeConfig> {
    pub(in crate::log_store) vote: Option<VoteOf<C>>,
    pub(in crate::log_store) committed: Option<LogIdOf<C>>,
    /// The batch of the last operation of the group, or 0 if the group has queued none.
    pub(super) last_batch: BatchNumber,
    purged: Option<LogIdOf<C>>,
    /// The log id of the last entry or, if the log is empty, the log id up to which the log was purged.
    last: Option<LogIdOf<C>>,
    /// The indexes of the first and the last entry, or `None` if the log is empty.
    span: Option<Span>,
    tail: Tail,
    /// How many bytes the tail may take, without records that RocksDB does not have yet.
    tail_share: usize,
    /// RocksDB has all records of the tail up to this batch.
    written: BatchNumber,
}

impl<C: RaftTypeConfig> Default for State<C> {
    fn default() -> Self {
        Self::loaded(None, None, None, None)
    }
}

impl<C: RaftTypeConfig> State<C> {
    /// Returns the state of a group from what was read from RocksDB. `ends` are the log ids of the first and the last
    /// entry, or `None` if the log is empty.
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
            last_batch: BatchNumber::default(),
            last: ends.map(|[_, last]| last).or_else(|| purged.clone()),
            purged,
            span,
            tail: Tail::default(),
            tail_share: 0,
            written: BatchNumber::default(),
        }
    }

    /// Returns whether nothing is stored of the group.
    pub(super) fn is_blank(&self) -> bool {
        self.vote.is_none() && self.committed.is_none() && self.last.is_none()
    }

    pub(in crate::log_store) fn purged(&self) -> Option<&LogIdOf<C>> {
        self.purged.as_ref()
    }

    /// Returns the log id of the last entry or, if the log is empty, the log id up to which the log was purged. Returns
    /// `None` if the log is empty and was never purged.
    pub(in crate::log_store) fn last(&self) -> Option<&LogIdOf<C>> {
        self.last.as_ref()
    }

    /// Returns the indexes of the first and the last entry, or `None` if the log is empty.
    pub(in crate::log_store) fn span(&self) -> Option<Span> {
        self.span
    }

    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Adds `entries`, which are encoded in `buffer` and will be written with `batch`.
    pub(super) fn appended(&mut self, buffer: &Arc<[u8]>, entries: &[(LogIdOf<C>, RecordRange)], batch: BatchNumber) {
        for (log_id, range) in entries {
            self.tail.push(log_id.index, Record::new(buffer, *range), batch);
        }
        if let ([(first, _), ..], [.., (last, _)]) = (entries, entries) {
            self.span = Some(Span {
                first: self.span.map_or(first.index, |span| span.first),
                last: last.index,
            });
            self.last = Some(last.clone());
        }
    }

    /// Records that RocksDB has all batches up to `batch`, so that the tail needs no more than its share.
    pub(super) fn written(&mut self, batch: BatchNumber) {
        self.written = batch;
        self.tail.evict(batch, self.tail_share);
    }

    /// Sets the memory in bytes that the tail may take.
    pub(super) fn set_tail_share(&mut self, bytes: usize) {
        self.tail_share = bytes;
        self.tail.evict(self.written, bytes);
    }

    /// Returns the indexes of the entries after `last`, or of all entries if `last` is `None`. Returns `None` if there
    /// are no such entries.
    pub(super) fn entries_after(&self, last: Option<&LogIdOf<C>>) -> Option<Span> {
        match last {
            None => self.span,
            Some(last) => self.span?.after(last.index),
        }
    }

    /// Removes the entries `gone`, which are all entries after `last`.
    pub(super) fn truncated(&mut self, gone: Span, last: Option<LogIdOf<C>>) {
        self.tail.truncate_from(gone.first);
        self.span = self.span.and_then(|span| span.before(gone.first));
        self.last = match self.span {
            Some(_) => last,
            None => self.purged.clone(),
        };
    }

    /// Returns the indexes of the entries up to and including `index`, or `None` if there are no such entries.
    pub(super) fn entries_up_to(&self, index: u64) -> Option<Span> {
        self.span?.up_to(index)
    }

    /// Returns whether a purge up to `upto` would change the last log id, which would then be `upto`.
    ///
    /// openraft makes such a purge after it has installed a snapshot. If a crash undid the purge, the log would again
    /// end at its old last entry. At the next start, openraft repeats the purge only if the log id of that entry is
    /// lower than the last applied log id. An entry of a later term would stay, and no entry after the snapshot could
    /// be appended to it. With a last entry of an earlier term at the index of the snapshot, openraft would not start.
    pub(in crate::log_store) fn ends_elsewhere(&self, upto: &LogIdOf<C>) -> bool {
        let is_purged = self.purged.as_ref().is_some_and(|purged| purged.index >= upto.index);
        let ends_before = self
            .last
            .as_ref()
            .is_none_or(|last| last.index <= upto.index && last != upto);
        !is_purged && ends_before
    }

    /// Removes the entries up to and including `upto`, which may be after the last entry.
    pub(super) fn purged_to(&mut self, upto: LogIdOf<C>) {
        self.tail.purge_to(upto.index);
        self.span = self.span.and_then(|span| span.after(upto.index));
        if self.span.is_none() {
            self.last = Some(upto.clone());
        }
        self.purged = Some(upto);
    }
}
