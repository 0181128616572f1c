use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::vec;

use futures_util::{Stream, stream};
use openraft::alias::{LeaderIdOf, VoteOf};
use openraft::entry::RaftEntry;
use openraft::errors::LeaderChanged;
use openraft::storage::{LeaderBoundedStreamError, RaftLogReader};
use openraft::vote::RaftVote;
use openraft::{OptionalSend, RaftTypeConfig};

use super::group::Group;
use super::records::Span;
use super::{KeySpace, RocksdbLogStore};

/// Bytes that `limited_get_log_entries` returns and that a stream holds, about. A single entry
/// may be larger.
const READ_BYTES: usize = 1 << 20;

impl<C: RaftTypeConfig, K: KeySpace> RaftLogReader<C> for RocksdbLogStore<C, K> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<C::Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        match Span::of(&range) {
            None => Ok(Vec::new()),
            Some(span) => Ok(self.group.read(span, usize::MAX)?),
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<C::Entry>, io::Error> {
        match Span::of(&(start..end)) {
            None => Ok(Vec::new()),
            Some(span) => Ok(self.group.read(span, READ_BYTES)?),
        }
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<C>>, io::Error> {
        Ok(self.group.with_state(|state| state.vote.clone()))
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<C::Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        stream::iter(Entries::new(self.group.clone(), &range))
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        leader: LeaderIdOf<C>,
        range: RB,
    ) -> impl Stream<Item = Result<C::Entry, LeaderBoundedStreamError<C>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let entries = Entries::new(self.group.clone(), &range);
        stream::iter(LeaderBounded {
            leader,
            entries,
            ended: false,
        })
    }
}

/// Entries of a range as the log is when the iteration starts, read a chunk at a time. Ends after
/// the first error.
struct Entries<C: RaftTypeConfig, K: KeySpace> {
    group: Arc<Group<C, K>>,
    chunk: vec::IntoIter<C::Entry>,
    /// What is still to be read.
    rest: Option<Span>,
}

impl<C: RaftTypeConfig, K: KeySpace> Entries<C, K> {
    fn new(group: Arc<Group<C, K>>, range: &impl RangeBounds<u64>) -> Self {
        let rest = Span::of(range).and_then(|range| group.with_state(|state| state.span?.intersect(range)));
        Self {
            group,
            chunk: Vec::new().into_iter(),
            rest,
        }
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Iterator for Entries<C, K> {
    type Item = Result<C::Entry, io::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.chunk.next() {
            return Some(Ok(entry));
        }
        let rest = self.rest.take()?;
        let chunk = match self.group.read(rest, READ_BYTES) {
            Ok(chunk) => chunk,
            Err(e) => return Some(Err(e.into())),
        };
        // The log had all of the range when the iteration started. What was purged or truncated
        // since must not become a hole.
        match (chunk.first(), chunk.last()) {
            (Some(first), Some(last)) if first.index() == rest.first => {
                self.rest = last.index().checked_add(1).and_then(|next| Span::new(next, rest.last));
            }
            _ => return Some(Err(self.group.records().missing(rest.first).into())),
        }
        self.chunk = chunk.into_iter();
        self.chunk.next().map(Ok)
    }
}

/// Entries for as long as the saved vote is the committed one of `leader`.
struct LeaderBounded<C: RaftTypeConfig, K: KeySpace> {
    leader: LeaderIdOf<C>,
    entries: Entries<C, K>,
    ended: bool,
}

impl<C: RaftTypeConfig, K: KeySpace> Iterator for LeaderBounded<C, K> {
    type Item = Result<C::Entry, LeaderBoundedStreamError<C>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entries.next();
        // A vote never returns to an earlier leader. So if it is this leader's after the read, it
        // was so all the while, and no truncation came between.
        let changed = self.entries.group.with_state(|state| match &state.vote {
            Some(vote) if vote.is_committed() && *vote.leader_id() == self.leader => None,
            vote => Some(vote.clone()),
        });
        if let Some(vote) = changed {
            self.ended = true;
            return Some(Err(LeaderChanged::new(self.leader.clone(), vote).into()));
        }
        Some(entry?.map_err(Into::into))
    }
}
