use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use futures_util::{Stream, stream};
use openraft::alias::{LeaderIdOf, VoteOf};
use openraft::storage::{LeaderBoundedStreamError, RaftLogReader};
use openraft::{OptionalSend, RaftTypeConfig};

use super::group::Group;
use super::{KeySpace, RocksdbLogStore};
use crate::support::entry_stream::{Entries, EntrySource, LeaderBounded, READ_BYTES};
use crate::support::span::Span;

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
        stream::iter(LeaderBounded::new(leader, Entries::new(self.group.clone(), &range)))
    }
}

impl<C: RaftTypeConfig, K: KeySpace> EntrySource<C> for Arc<Group<C, K>> {
    fn span(&self) -> Option<Span> {
        self.with_state(|state| state.span)
    }

    fn with_vote<R>(&self, read: impl FnOnce(Option<&VoteOf<C>>) -> R) -> R {
        self.with_state(|state| read(state.vote.as_ref()))
    }

    fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        Ok(Group::read(self, range, max_bytes)?)
    }

    fn missing(&self, index: u64) -> io::Error {
        self.records().missing(index).into()
    }
}
