//! One raft group: its state in memory, and all changes to it in memory and on disk.
//!
//! Each change goes into the writer's queue and into the state in memory, both under the lock of the state. So the
//! state is always what RocksDB will hold once the queue is written. A read finds the newest entries in memory, and
//! older ones in RocksDB.
//!
//! - this file: opens and removes groups, and makes all changes.
//! - [`state`]: what is in memory, and how each change alters it.
//! - [`scratch`]: encodes the entries of an append.
//! - [`tail`]: the newest entries.
//! - [`read`](mod@read): reads a range.

pub(super) mod state;

mod read;
mod scratch;
mod tail;

use std::sync::{Arc, Mutex};
use std::{io, mem};

use openraft::RaftTypeConfig;
use openraft::alias::{LogIdOf, VoteOf};
use rocksdb::DB;

use self::scratch::Scratch;
use self::state::State;
use super::encoded::{Record, RecordRange};
use super::error::RocksdbLogStoreError;
use super::group_columns::GroupColumns;
use super::key_space::{KeySpace, MetaLabel};
use super::store_options::StoreOptions;
use super::stored_groups::Neighbours;
use super::wal::batch::Batch;
use super::writer::Writer;
use super::writer::claims::Claim;
use super::writer::queue::{BatchNumber, Callback, Reservation};
use super::writer::tails::TailOwner;
use crate::codec::WriteVersion;
use crate::support::entry_stream::EntrySource;
use crate::support::lock::lock;
use crate::support::span::{Span, check_consecutive};

/// The most bytes that an entry takes in a batch in addition to its key and value: the prefix of the operation, and the
/// lengths of key and value.
const ENTRY_OVERHEAD: usize = 16;

/// One raft group that is open.
pub(super) struct Group<C: RaftTypeConfig, K: KeySpace> {
    writer: Arc<Writer>,
    claim: Arc<Claim>,
    columns: GroupColumns<C, K>,
    state: Arc<Mutex<State<C>>>,
    scratch: Mutex<Scratch<C>>,
}

impl<C: RaftTypeConfig, K: KeySpace> Group<C, K> {
    pub(super) fn open(
        db: Arc<DB>,
        log_cf: String,
        meta_cf: String,
        keys: K,
        options: &StoreOptions,
    ) -> Result<Self, RocksdbLogStoreError> {
        let group = Self::claim(db, log_cf, meta_cf, keys, options)?;
        group.check_stored_groups()?;
        *lock(&group.state) = group.load()?;
        group.writer.add_tail(&group.state);
        Ok(group)
    }

    /// Removes all that is stored of the group, and gives its space back to the file system.
    pub(super) fn destroy(db: Arc<DB>, log_cf: String, meta_cf: String, keys: K) -> Result<(), RocksdbLogStoreError> {
        let group = Self::claim(db, log_cf, meta_cf, keys, &StoreOptions::default())?;
        let columns = &group.columns;
        // A range with a prefix holds no key of another group, so that such a group can be parted from a `Flat`.
        if !group.neighbours().is_prefixed() {
            group.check_stored_groups()?;
        }
        let entries = columns.key_range(Span::ALL);
        let meta_keys = MetaLabel::ALL.map(|label| columns.meta_key(label));
        group.writer.push_and_wait(|batch| {
            columns.delete_entries(batch, &entries);
            for key in &meta_keys {
                columns.delete_meta(batch, key);
            }
        })?;
        group.writer.claims().set_stored(&group.claim, false);
        columns.compact(group.writer.db())
    }

    /// Claims the keys of the group, and returns the group with a blank state, without reading what is stored of it.
    fn claim(
        db: Arc<DB>,
        log_cf: String,
        meta_cf: String,
        keys: K,
        options: &StoreOptions,
    ) -> Result<Self, RocksdbLogStoreError> {
        let columns = GroupColumns::new(&db, log_cf, meta_cf, keys)?;
        let writer = Writer::for_db(&db, options)?;
        writer.check_columns(columns.log_column(), columns.meta_column())?;
        let claim = Arc::new(columns.claim());
        writer.claims().add(&claim)?;
        // Create the group before the next call that can fail: if that call fails, the group is dropped, which gives up
        // the claim.
        let group = Self {
            writer,
            claim,
            columns,
            state: Arc::default(),
            scratch: Mutex::default(),
        };
        // An earlier store of this group may have left operations in the queue. Wait until they are written: otherwise
        // the caller would read what was stored before them.
        group.writer.drain()?;
        Ok(group)
    }

    /// Checks that the keys of the group overlap those of no other group that is stored. The claims show only the
    /// groups that were opened since the writer was started.
    fn check_stored_groups(&self) -> Result<(), RocksdbLogStoreError> {
        let neighbours = self.neighbours();
        let pair = [self.columns.log_cf().clone(), self.columns.meta_cf().clone()];
        // Only `Flat` overlaps a group with a prefix. Look for `Flat` once, and not again for each of thousands of
        // groups. If a store of `Flat` writes something later, its claim shows that.
        let claims = neighbours.is_prefixed().then(|| self.writer.claims());
        if claims.is_some_and(|claims| claims.is_without_flat(&pair)) {
            return Ok(());
        }
        if let Some(other) = neighbours.find()? {
            return Err(RocksdbLogStoreError::Overlaps {
                group: self.columns.name(),
                other: other.name(),
            });
        }
        if let Some(claims) = claims {
            claims.set_without_flat(pair);
        }
        Ok(())
    }

    fn neighbours(&self) -> Neighbours<'_, K> {
        Neighbours {
            db: self.writer.db(),
            log_cf: self.columns.log_cf(),
            meta_cf: self.columns.meta_cf(),
            keys: self.columns.keys(),
        }
    }

    fn load(&self) -> Result<State<C>, RocksdbLogStoreError> {
        let (db, columns) = (self.writer.db(), &self.columns);
        let vote = columns.read_meta(db, MetaLabel::Vote)?;
        let committed = columns.read_meta(db, MetaLabel::Committed)?;
        let purged: Option<LogIdOf<C>> = columns.read_meta(db, MetaLabel::LastPurged)?;
        let ends = columns.read_ends(db, purged.as_ref())?;
        Ok(State::loaded(vote, committed, purged, ends))
    }

    pub(super) fn keys(&self) -> &K {
        self.columns.keys()
    }

    /// Runs `read` on the state.
    pub(super) fn with_state<R>(&self, read: impl FnOnce(&State<C>) -> R) -> R {
        read(&lock(&self.state))
    }

    pub(super) fn save_vote(&self, vote: &VoteOf<C>, callback: Callback) -> Result<(), RocksdbLogStoreError> {
        let record = self.columns.encode_meta(MetaLabel::Vote, vote)?;
        let mut state = lock(&self.state);
        self.push(&mut state, None, Some(callback), |batch| {
            self.columns.put_meta(batch, &record);
        })?;
        state.vote = Some(vote.clone());
        Ok(())
    }

    /// Saves the committed log id, which becomes durable together with what the group syncs next.
    pub(super) fn save_committed(&self, committed: Option<LogIdOf<C>>) -> Result<(), RocksdbLogStoreError> {
        let label = MetaLabel::Committed;
        let record = committed
            .as_ref()
            .map(|log_id| self.columns.encode_meta(label, log_id))
            .transpose()?;
        let deleted = committed.is_none().then(|| self.columns.meta_key(label));
        let mut state = lock(&self.state);
        self.push(&mut state, None, None, |batch| {
            if let Some(record) = &record {
                self.columns.put_meta(batch, record);
            }
            if let Some(key) = &deleted {
                self.columns.delete_meta(batch, key);
            }
        })?;
        state.committed = committed;
        Ok(())
    }

    /// Appends entries. Waits until the queue has room, but not until the entries are durable. When this returns
    /// without an error, the entries can be read, and `callback` is called later: once they are durable, or with the
    /// error of a failed write. When this returns an error or its future is dropped, nothing was appended, and
    /// `callback` was dropped.
    ///
    /// Entries are encoded at `level`. Without a level, they are encoded at the newest version of their types.
    pub(super) async fn append(
        &self,
        entries: impl IntoIterator<Item = C::Entry>,
        level: Option<&WriteVersion>,
        callback: impl FnOnce(Result<(), RocksdbLogStoreError>) + Send + 'static,
    ) -> Result<(), RocksdbLogStoreError> {
        let turn = self.writer.turn().await?;
        let mut scratch = mem::take(&mut *lock(&self.scratch));
        let buffer = scratch.encode(&self.columns, entries, level)?;
        let bytes = buffer.len() + scratch.entries().len() * ENTRY_OVERHEAD;
        let room = turn.reserve(bytes).await?;
        self.push_entries(buffer, scratch.entries(), room, callback)?;
        *lock(&self.scratch) = scratch;
        Ok(())
    }

    /// Adds encoded entries to the queue and to the state.
    fn push_entries(
        &self,
        buffer: Arc<[u8]>,
        entries: &[(LogIdOf<C>, RecordRange)],
        room: Reservation<'_>,
        callback: impl FnOnce(Result<(), RocksdbLogStoreError>) + Send + 'static,
    ) -> Result<(), RocksdbLogStoreError> {
        let callback = self.shrink_tail_before(callback);
        let mut state = lock(&self.state);
        let last = state.last().map(|last| last.index);
        check_consecutive(last, entries.iter().map(|(log_id, _)| log_id.index)).map_err(|hole| {
            RocksdbLogStoreError::NotConsecutive {
                group: self.columns.name(),
                index: hole.index,
                expected: hole.expected,
            }
        })?;
        let number = self.push(&mut state, Some(room), Some(callback), |batch| {
            for (_, range) in entries {
                self.columns.put_entry(batch, range.key(&buffer), range.value(&buffer));
            }
        })?;
        state.appended(&buffer, entries, number);
        Ok(())
    }

    /// Returns a callback that shrinks the tail and then calls `callback`. If the next append shrank the tail instead,
    /// a group that becomes idle would keep its tail in memory.
    fn shrink_tail_before(&self, callback: impl FnOnce(Result<(), RocksdbLogStoreError>) + Send + 'static) -> Callback {
        let state = self.state.clone();
        Box::new(move |outcome| {
            if let Ok(written) = outcome {
                lock(&state).written(written);
            }
            callback(outcome.map(drop));
        })
    }

    /// Removes the entries after `last`, or all entries if `last` is `None`. `callback` is called once the removal is
    /// durable, even if there was nothing to remove.
    pub(super) fn truncate_after(
        &self,
        last: Option<LogIdOf<C>>,
        callback: Callback,
    ) -> Result<(), RocksdbLogStoreError> {
        let mut state = lock(&self.state);
        let gone = state.entries_after(last.as_ref());
        self.push_deletion(&mut state, gone, Some(callback), None)?;
        if let Some(gone) = gone {
            state.truncated(gone, last);
        }
        Ok(())
    }

    /// Removes the entries up to and including `upto`. `callback` is called once the purge is durable. Without a
    /// callback, the purge becomes durable together with the next operation of the group that is synced. If the log is
    /// already purged up to `upto` or further, this does nothing, and `callback` is dropped without being called.
    pub(super) fn purge(&self, upto: LogIdOf<C>, callback: Option<Callback>) -> Result<(), RocksdbLogStoreError> {
        let record = self.columns.encode_meta(MetaLabel::LastPurged, &upto)?;
        let mut state = lock(&self.state);
        if state.purged().is_some_and(|purged| purged.index >= upto.index) {
            return Ok(());
        }
        // Delete only existing entries, so that the range tombstones of successive purges never overlap.
        let gone = state.entries_up_to(upto.index);
        self.push_deletion(&mut state, gone, callback, Some(&record))?;
        state.purged_to(upto);
        Ok(())
    }

    /// Queues up to two operations: one deletes the entries in `gone`, and one writes the meta record `record`.
    fn push_deletion(
        &self,
        state: &mut State<C>,
        gone: Option<Span>,
        callback: Option<Callback>,
        record: Option<&Record>,
    ) -> Result<(), RocksdbLogStoreError> {
        let gone = gone.map(|gone| self.columns.key_range(gone));
        self.push(state, None, callback, |batch| {
            if let Some(gone) = &gone {
                self.columns.delete_entries(batch, gone);
            }
            if let Some(record) = record {
                self.columns.put_meta(batch, record);
            }
        })?;
        Ok(())
    }

    /// Queues operations after all earlier operations of the group: see [`Queue::push`](super::writer::queue).
    fn push(
        &self,
        state: &mut State<C>,
        room: Option<Reservation<'_>>,
        callback: Option<Callback>,
        fill: impl FnOnce(&mut Batch),
    ) -> Result<BatchNumber, RocksdbLogStoreError> {
        let number = self.writer.push(state.last_batch, room, callback, fill)?;
        state.last_batch = number;
        Ok(number)
    }
}

impl<C: RaftTypeConfig, K: KeySpace> Drop for Group<C, K> {
    fn drop(&mut self) {
        self.writer.remove_tail(&self.state);
        let claims = self.writer.claims();
        if !self.with_state(State::is_blank) {
            claims.set_stored(&self.claim, true);
        }
        claims.close(&self.claim);
    }
}

impl<C: RaftTypeConfig> TailOwner for Mutex<State<C>> {
    fn set_tail_share(&self, bytes: usize) {
        lock(self).set_tail_share(bytes);
    }
}

impl<C: RaftTypeConfig, K: KeySpace> EntrySource<C> for Arc<Group<C, K>> {
    fn span(&self) -> Option<Span> {
        self.with_state(State::span)
    }

    fn with_vote<R>(&self, read: impl FnOnce(Option<&VoteOf<C>>) -> R) -> R {
        self.with_state(|state| read(state.vote.as_ref()))
    }

    fn read(&self, range: Span, max_bytes: usize) -> io::Result<Vec<C::Entry>> {
        let entries = read::read(self.writer.db(), &self.columns, &self.state, range, max_bytes)?;
        Ok(entries)
    }

    fn missing(&self, index: u64) -> io::Error {
        self.columns.missing(index).into()
    }
}
