use std::sync::{Arc, Mutex};

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use rocksdb::DB;

use super::record::{Place, Record};
use super::records::{Records, cf_handle};
use super::tail::Tail;
use super::writer::{Claim, Done, Writer};
use super::{KeySpace, MetaLabel, RocksdbLogStoreError};
use crate::support::lock::lock;
use crate::support::span::{Span, check_consecutive};

/// Bytes of the newest entries that all groups of a database keep in memory together.
const TAIL_BYTES: usize = 32 << 20;

/// One raft group: what is in memory of it, and the way to what is on disk.
///
/// The state changes together with the queue of the writer, under the state's lock, so that
/// memory is at any time what RocksDB will be once the queue is written.
pub(super) struct Group<C: RaftTypeConfig, K: KeySpace> {
    writer: Arc<Writer>,
    claim: Claim,
    records: Records<C, K>,
    state: Arc<Mutex<State<C>>>,
}

pub(super) struct State<C: RaftTypeConfig> {
    pub(super) vote: Option<VoteOf<C>>,
    pub(super) committed: Option<LogIdOf<C>>,
    pub(super) purged: Option<LogIdOf<C>>,
    /// The last entry, or the last purged one.
    pub(super) last: Option<LogIdOf<C>>,
    /// The first and the last index of the log, unless it is empty.
    pub(super) span: Option<Span>,
    tail: Tail,
}

impl<C: RaftTypeConfig, K: KeySpace> Group<C, K> {
    pub(super) fn open(db: Arc<DB>, log_cf: String, meta_cf: String, keys: K) -> Result<Self, RocksdbLogStoreError> {
        let group = Self::claim(db, log_cf, meta_cf, keys)?;
        let state = group.load()?;
        *lock(&group.state) = state;
        Ok(group)
    }

    /// The group as it stands in the queue and on disk, with nothing of it in memory yet.
    fn claim(db: Arc<DB>, log_cf: String, meta_cf: String, keys: K) -> Result<Self, RocksdbLogStoreError> {
        let records = Records::new(&db, log_cf, meta_cf, keys)?;
        let writer = Writer::of(&db)?;
        let claim = records.claim();
        if !writer.claim(&claim) {
            return Err(RocksdbLogStoreError::AlreadyOpen { group: records.name() });
        }
        // From here on, dropping the group gives up the claim.
        let group = Self {
            writer,
            claim,
            records,
            state: Arc::new(Mutex::new(State::blank())),
        };
        // An earlier store of this group may have left operations in the queue.
        group.writer.drain()?;
        Ok(group)
    }

    /// Removes all that is stored of the group, and gives its space back to the file system.
    pub(super) fn destroy(db: Arc<DB>, log_cf: String, meta_cf: String, keys: K) -> Result<(), RocksdbLogStoreError> {
        let group = Self::claim(db, log_cf, meta_cf, keys)?;
        group.writer.push_and_wait(group.records.delete_all())?;
        group.records.compact(group.writer.db())
    }

    fn load(&self) -> Result<State<C>, RocksdbLogStoreError> {
        let (db, records) = (self.writer.db(), &self.records);
        let vote = records.read_meta(db, MetaLabel::Vote)?;
        let committed = records.read_meta(db, MetaLabel::Committed)?;
        let purged: Option<LogIdOf<C>> = records.read_meta(db, MetaLabel::LastPurged)?;
        let ends = records.read_ends(db, purged.as_ref())?;
        Ok(State {
            vote,
            committed,
            span: ends
                .as_ref()
                .and_then(|[first, last]| Span::new(first.index, last.index)),
            last: ends.map(|[_, last]| last).or_else(|| purged.clone()),
            purged,
            tail: Tail::default(),
        })
    }

    pub(super) fn keys(&self) -> &K {
        self.records.keys()
    }

    /// Runs `read` on the state.
    pub(super) fn with_state<R>(&self, read: impl FnOnce(&State<C>) -> R) -> R {
        read(&lock(&self.state))
    }

    pub(super) fn records(&self) -> &Records<C, K> {
        &self.records
    }

    /// Waits until the queue has room.
    pub(super) async fn ready(&self) -> Result<(), RocksdbLogStoreError> {
        self.writer.ready().await
    }

    pub(super) fn save_vote(&self, vote: &VoteOf<C>, done: Done) -> Result<(), RocksdbLogStoreError> {
        let put = self.records.put_meta(MetaLabel::Vote, vote)?;
        let mut state = lock(&self.state);
        self.writer.push([put], Some(done))?;
        state.vote = Some(vote.clone());
        Ok(())
    }

    pub(super) fn save_committed(&self, committed: Option<LogIdOf<C>>) -> Result<(), RocksdbLogStoreError> {
        let label = MetaLabel::Committed;
        let op = match &committed {
            Some(log_id) => self.records.put_meta(label, log_id)?,
            None => self.records.delete_meta(label),
        };
        let mut state = lock(&self.state);
        self.writer.push([op], None)?;
        state.committed = committed;
        Ok(())
    }

    /// Appends entries that lie at their places in `bytes`.
    pub(super) fn append(
        &self,
        bytes: &Arc<[u8]>,
        entries: &[(LogIdOf<C>, Place)],
        done: impl FnOnce(Result<(), RocksdbLogStoreError>) + Send + 'static,
    ) -> Result<(), RocksdbLogStoreError> {
        let state = self.state.clone();
        let budget = TAIL_BYTES / self.writer.group_count().max(1);
        // Not with the next append: a group may fall silent for good.
        let done = Box::new(move |outcome: Result<u64, _>| {
            if let Ok(batch) = outcome {
                lock(&state).tail.evict(batch, budget);
            }
            done(outcome.map(drop));
        });

        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let last = state.last.as_ref().map(|last| last.index);
        check_consecutive(last, entries.iter().map(|(log_id, _)| log_id.index)).map_err(|hole| {
            RocksdbLogStoreError::NotConsecutive {
                group: self.records.name(),
                index: hole.index,
                expected: hole.expected,
            }
        })?;

        let records = entries.iter().map(|(_, place)| Record::at(bytes, *place));
        let batch = self
            .writer
            .push(records.map(|record| self.records.put_entry(record)), Some(done))?;

        for (log_id, place) in entries {
            state.tail.push(log_id.index, Record::at(bytes, *place), batch);
        }
        if let [(first, _), ..] = entries
            && let [.., (last, _)] = entries
        {
            state.span = Some(Span {
                first: state.span.map_or(first.index, |span| span.first),
                last: last.index,
            });
            state.last = Some(last.clone());
        }
        Ok(())
    }

    pub(super) fn truncate_after(&self, last: Option<LogIdOf<C>>, done: Done) -> Result<(), RocksdbLogStoreError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let gone = state.span.and_then(|span| match &last {
            None => Some(span),
            Some(log_id) => span.after(log_id.index),
        });
        self.writer
            .push(gone.map(|gone| self.records.delete(gone)), Some(done))?;

        let Some(gone) = gone else { return Ok(()) };
        state.tail.truncate_from(gone.first);
        state.span = state.span.and_then(|span| span.before(gone.first));
        state.last = match state.span {
            Some(_) => last,
            None => state.purged.clone(),
        };
        Ok(())
    }

    pub(super) fn purge(&self, upto: LogIdOf<C>) -> Result<(), RocksdbLogStoreError> {
        let put = self.records.put_meta(MetaLabel::LastPurged, &upto)?;
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.purged.as_ref().is_some_and(|purged| purged.index >= upto.index) {
            return Ok(());
        }
        // Only what is there: range tombstones of one purge after the other never overlap.
        let gone = state.span.and_then(|span| span.up_to(upto.index));
        self.writer.push(
            gone.map(|gone| self.records.delete(gone)).into_iter().chain([put]),
            None,
        )?;
        state.tail.purge_to(upto.index);
        state.span = state.span.and_then(|span| span.after(upto.index));
        if state.span.is_none() {
            state.last = Some(upto.clone());
        }
        state.purged = Some(upto);
        Ok(())
    }

    /// Reads the entries of `range` that the log contains, in order: all of them, or the first
    /// ones, at least one, up to about `max_bytes`.
    pub(super) fn read(&self, range: Span, max_bytes: usize) -> Result<Vec<C::Entry>, RocksdbLogStoreError> {
        let db = self.writer.db();
        let cf = cf_handle!(db, self.records.log_cf())?;
        let (on_disk, in_tail) = {
            let state = lock(&self.state);
            let Some(range) = state.span.and_then(|span| span.intersect(range)) else {
                return Ok(Vec::new());
            };
            let tail_first = state.tail.first();
            // The iterator sees RocksDB as it is now, whatever is truncated or purged while we
            // read: what is not in the tail is written.
            let on_disk = tail_first
                .map_or(Some(range), |first| range.before(first))
                .map(|on_disk| {
                    let entries = db.raw_iterator_cf_opt(&cf, self.records.bounds(on_disk));
                    (on_disk, entries)
                });
            let mut in_tail = Vec::new();
            if let Some(span) = tail_first.and_then(|first| range.from(first)) {
                in_tail.reserve(span.capacity());
                let mut budget = max_bytes;
                for (index, record) in (span.first..=span.last).zip(state.tail.iter_from(span.first)) {
                    in_tail.push((index, record.clone()));
                    budget = budget.saturating_sub(record.value().len());
                    if budget == 0 {
                        break;
                    }
                }
            }
            (on_disk, in_tail)
        };
        let capacity = in_tail.len() + on_disk.as_ref().map_or(0, |(span, _)| span.capacity());
        let mut read = Read {
            entries: Vec::with_capacity(capacity),
            bytes: 0,
            max_bytes,
        };

        if let Some((span, mut entries)) = on_disk {
            entries.seek_to_first();
            for index in span.first..=span.last {
                if read.is_full() {
                    return Ok(read.entries);
                }
                match entries.item() {
                    Some((key, value)) if key == self.records.keys().log_key(index).as_ref() => {
                        read.push(self.records.decode(index, value)?, value.len());
                    }
                    _ => {
                        entries.status()?;
                        return Err(self.records.missing(index));
                    }
                }
                entries.next();
            }
        }
        for (index, record) in in_tail {
            if read.is_full() {
                break;
            }
            read.push(self.records.decode(index, record.value())?, record.value().len());
        }
        Ok(read.entries)
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Drop for Group<C, K> {
    fn drop(&mut self) {
        self.writer.release(&self.claim);
    }
}

impl<C: RaftTypeConfig> State<C> {
    fn blank() -> Self {
        Self {
            vote: None,
            committed: None,
            purged: None,
            last: None,
            span: None,
            tail: Tail::default(),
        }
    }
}

struct Read<E> {
    entries: Vec<E>,
    bytes: usize,
    max_bytes: usize,
}

impl<E> Read<E> {
    fn is_full(&self) -> bool {
        !self.entries.is_empty() && self.bytes >= self.max_bytes
    }

    fn push(&mut self, entry: E, bytes: usize) {
        self.entries.push(entry);
        self.bytes += bytes;
    }
}
