use std::sync::{Arc, Mutex};

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use openraft::entry::RaftEntry;
use rocksdb::{DB, ReadOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{Record, decode_value};
use super::tail::Tail;
use super::writer::{CfName, Claim, Done, Op, Writer, lock};
use super::{KeySpace, MetaLabel, RecordId, RocksdbLogStoreError};
use crate::codec::CodecError;

/// Bytes of the newest entries that all groups of a database keep in memory together.
const TAIL_BYTES: usize = 32 << 20;

/// The column family called `name`. The handle's type depends on rocksdb's feature
/// `multi-threaded-cf`, which any crate may turn on.
macro_rules! cf_handle {
    ($db:expr, $name:expr) => {
        $db.cf_handle($name)
            .ok_or_else(|| RocksdbLogStoreError::MissingColumnFamily($name.to_string()))
    };
}

/// One raft group: what is in memory of it, and the way to what is on disk.
///
/// The state changes together with the queue of the writer, under the state's lock, so that
/// memory is at any time what RocksDB will be once the queue is written.
pub(super) struct Group<C: RaftTypeConfig, K: KeySpace> {
    writer: Arc<Writer>,
    claim: Claim,
    log_cf: CfName,
    meta_cf: CfName,
    keys: K,
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

/// A range of indexes that is not empty, both ends included: `u64::MAX` is an index like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Span {
    pub(super) fn new(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    pub(super) fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    fn up_to(self, last: u64) -> Option<Self> {
        Self::new(self.first, self.last.min(last))
    }

    fn from(self, first: u64) -> Option<Self> {
        Self::new(self.first.max(first), self.last)
    }

    fn before(self, index: u64) -> Option<Self> {
        self.up_to(index.checked_sub(1)?)
    }

    fn after(self, index: u64) -> Option<Self> {
        self.from(index.checked_add(1)?)
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Group<C, K> {
    pub(super) fn open(db: Arc<DB>, log_cf: String, meta_cf: String, keys: K) -> Result<Self, RocksdbLogStoreError> {
        for name in [&log_cf, &meta_cf] {
            cf_handle!(db, name)?;
        }
        if log_cf == meta_cf {
            return Err(RocksdbLogStoreError::SharedColumnFamily(log_cf));
        }
        let writer = Writer::of(&db)?;
        let (log_cf, meta_cf) = (CfName::from(log_cf), CfName::from(meta_cf));
        let claim = [
            (log_cf.clone(), keys.log_key(0).as_ref().into()),
            (meta_cf.clone(), keys.meta_key(MetaLabel::Vote).as_ref().into()),
        ];
        if !writer.claim(&claim) {
            return Err(RocksdbLogStoreError::AlreadyOpen {
                group: format!("{keys:?}"),
            });
        }
        // From here on, dropping the group gives up the claim.
        let group = Self {
            writer,
            claim,
            log_cf,
            meta_cf,
            keys,
            state: Arc::new(Mutex::new(State::blank())),
        };
        // An earlier store of this group may have left operations in the queue.
        group.writer.drain()?;
        let state = group.load()?;
        *lock(&group.state) = state;
        Ok(group)
    }

    fn load(&self) -> Result<State<C>, RocksdbLogStoreError> {
        let purged: Option<LogIdOf<C>> = self.read_meta(MetaLabel::LastPurged)?;
        let mut state = State {
            vote: self.read_meta(MetaLabel::Vote)?,
            committed: self.read_meta(MetaLabel::Committed)?,
            last: purged.clone(),
            purged,
            ..State::blank()
        };
        let first = match &state.purged {
            None => 0,
            Some(purged) => match purged.index.checked_add(1) {
                Some(next) => next,
                None => return Ok(state),
            },
        };

        let cf = cf_handle!(self.writer.db(), &self.log_cf)?;
        let bounds = self.bounds(Span { first, last: u64::MAX });
        let mut entries = self.writer.db().raw_iterator_cf_opt(&cf, bounds);
        entries.seek_to_last();
        let Some(last) = entries.item().map(|item| self.decode_item(item)).transpose()? else {
            entries.status()?;
            return Ok(state);
        };
        entries.seek_to_first();
        let Some(found) = entries.item().map(|item| self.decode_item(item)).transpose()? else {
            entries.status()?;
            return Err(self.missing(first));
        };
        // A log that was never purged may start anywhere, as its first append decides.
        if state.purged.is_some() && found.index() != first {
            return Err(self.missing(first));
        }
        state.span = Span::new(found.index(), last.index());
        state.last = Some(last.log_id());
        Ok(state)
    }

    pub(super) fn keys(&self) -> &K {
        &self.keys
    }

    /// Runs `read` on the state.
    pub(super) fn with_state<R>(&self, read: impl FnOnce(&State<C>) -> R) -> R {
        read(&lock(&self.state))
    }

    /// Waits until the queue has room.
    pub(super) async fn ready(&self) -> Result<(), RocksdbLogStoreError> {
        self.writer.ready().await
    }

    pub(super) fn save_vote(&self, vote: &VoteOf<C>, done: Done) -> Result<(), RocksdbLogStoreError> {
        let put = self.put_meta(MetaLabel::Vote, vote)?;
        let mut state = lock(&self.state);
        self.writer.push([put], Some(done))?;
        state.vote = Some(vote.clone());
        Ok(())
    }

    pub(super) fn save_committed(&self, committed: Option<LogIdOf<C>>) -> Result<(), RocksdbLogStoreError> {
        let label = MetaLabel::Committed;
        let op = match &committed {
            Some(log_id) => self.put_meta(label, log_id)?,
            None => Op::Delete(self.meta_cf.clone(), self.keys.meta_key(label).as_ref().into()),
        };
        let mut state = lock(&self.state);
        self.writer.push([op], None)?;
        state.committed = committed;
        Ok(())
    }

    pub(super) fn append(
        &self,
        entries: Vec<(LogIdOf<C>, Record)>,
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
        self.check_consecutive(state, entries.iter().map(|(log_id, _)| log_id.index))?;

        let puts = entries
            .iter()
            .map(|(_, record)| Op::Put(self.log_cf.clone(), record.clone()));
        let batch = self.writer.push(puts, Some(done))?;

        for (log_id, record) in entries {
            let index = log_id.index;
            state.span = Some(Span {
                first: state.span.map_or(index, |s| s.first),
                last: index,
            });
            state.last = Some(log_id);
            state.tail.push(index, record, batch);
        }
        Ok(())
    }

    /// A log has no hole, so an entry follows the one before it, or the last purged one. Only a
    /// blank log may start anywhere.
    fn check_consecutive(
        &self,
        state: &State<C>,
        indexes: impl Iterator<Item = u64>,
    ) -> Result<(), RocksdbLogStoreError> {
        let mut previous = state.last.as_ref().map(|last| last.index);
        for index in indexes {
            let expected = match previous {
                Some(previous) => previous.checked_add(1),
                None => Some(index),
            };
            if expected != Some(index) {
                let expected = expected.unwrap_or(u64::MAX);
                return Err(RocksdbLogStoreError::NotConsecutive {
                    group: self.name(),
                    index,
                    expected,
                });
            }
            previous = Some(index);
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
        self.writer.push(gone.map(|gone| self.delete(gone)), Some(done))?;

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
        let put = self.put_meta(MetaLabel::LastPurged, &upto)?;
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.purged.as_ref().is_some_and(|purged| purged.index >= upto.index) {
            return Ok(());
        }
        // Only what is there: range tombstones of one purge after the other never overlap.
        let gone = state.span.and_then(|span| span.up_to(upto.index));
        self.writer
            .push(gone.map(|gone| self.delete(gone)).into_iter().chain([put]), None)?;
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
        let cf = cf_handle!(db, &self.log_cf)?;
        let mut read = Read {
            entries: Vec::new(),
            bytes: 0,
            max_bytes,
        };

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
                    let entries = db.raw_iterator_cf_opt(&cf, self.bounds(on_disk));
                    (on_disk, entries)
                });
            let mut in_tail = Vec::new();
            if let Some(span) = tail_first.and_then(|first| range.from(first)) {
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

        if let Some((span, mut entries)) = on_disk {
            entries.seek_to_first();
            for index in span.first..=span.last {
                if read.is_full() {
                    return Ok(read.entries);
                }
                match entries.item() {
                    Some((key, value)) if key == self.keys.log_key(index).as_ref() => {
                        read.push(self.decode(index, value)?, value.len());
                    }
                    _ => {
                        entries.status()?;
                        return Err(self.missing(index));
                    }
                }
                entries.next();
            }
        }
        for (index, record) in in_tail {
            if read.is_full() {
                break;
            }
            read.push(self.decode(index, record.value())?, record.value().len());
        }
        Ok(read.entries)
    }

    pub(super) fn missing(&self, index: u64) -> RocksdbLogStoreError {
        RocksdbLogStoreError::MissingEntry {
            group: self.name(),
            index,
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{:?}", self.keys)
    }

    fn decode(&self, index: u64, value: &[u8]) -> Result<C::Entry, RocksdbLogStoreError> {
        let entry: C::Entry = decode_value(value).map_err(|source| self.corrupt(RecordId::Entry(index), source))?;
        match entry.index() {
            actual if actual == index => Ok(entry),
            actual => Err(RocksdbLogStoreError::Misplaced {
                group: self.name(),
                index,
                actual,
            }),
        }
    }

    /// Decodes an entry whose index only its key tells.
    fn decode_item(&self, (key, value): (&[u8], &[u8])) -> Result<C::Entry, RocksdbLogStoreError> {
        let index = self
            .keys
            .log_index(key)
            .ok_or_else(|| RocksdbLogStoreError::ForeignKey {
                group: self.name(),
                key: key.to_vec(),
            })?;
        self.decode(index, value)
    }

    /// Encodes a value and its key. `scratch` is any buffer that is kept for the next call.
    pub(super) fn encode<T: Serialize>(
        &self,
        id: RecordId,
        value: &T,
        scratch: &mut Vec<u8>,
    ) -> Result<Record, RocksdbLogStoreError> {
        let encoded = match id {
            RecordId::Entry(index) => Record::encode(self.keys.log_key(index).as_ref(), value, scratch),
            RecordId::Meta(label) => Record::encode(self.keys.meta_key(label).as_ref(), value, scratch),
        };
        let record = encoded.map_err(|source| RocksdbLogStoreError::Encode {
            group: self.name(),
            record: id,
            source,
        })?;
        match record.value().len() {
            // RocksDB's C interface drops a larger one without an error.
            bytes if u32::try_from(bytes).is_err() => Err(RocksdbLogStoreError::TooLarge {
                group: self.name(),
                record: id,
                bytes,
            }),
            _ => Ok(record),
        }
    }

    fn corrupt(&self, record: RecordId, source: CodecError) -> RocksdbLogStoreError {
        RocksdbLogStoreError::Corrupt {
            group: self.name(),
            record,
            source,
        }
    }

    fn read_meta<T: DeserializeOwned>(&self, label: MetaLabel) -> Result<Option<T>, RocksdbLogStoreError> {
        let cf = cf_handle!(self.writer.db(), &self.meta_cf)?;
        let Some(value) = self.writer.db().get_pinned_cf(&cf, self.keys.meta_key(label))? else {
            return Ok(None);
        };
        decode_value(&value)
            .map(Some)
            .map_err(|source| self.corrupt(RecordId::Meta(label), source))
    }

    fn put_meta<T: Serialize>(&self, label: MetaLabel, value: &T) -> Result<Op, RocksdbLogStoreError> {
        let record = self.encode(RecordId::Meta(label), value, &mut Vec::new())?;
        Ok(Op::Put(self.meta_cf.clone(), record))
    }

    fn delete(&self, span: Span) -> Op {
        let first = self.keys.log_key(span.first).as_ref().into();
        Op::DeleteRange(self.log_cf.clone(), first, self.end_key(span).into())
    }

    /// An iterator over the span never leaves it, be it into purged keys or another group's.
    fn bounds(&self, span: Span) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(self.keys.log_key(span.first).as_ref());
        options.set_iterate_upper_bound(self.end_key(span));
        options
    }

    /// The smallest key that sorts behind the span: nothing lies between a key and itself with a
    /// zero byte, and there is one even for the last index.
    fn end_key(&self, span: Span) -> Vec<u8> {
        [self.keys.log_key(span.last).as_ref(), &[0]].concat()
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
