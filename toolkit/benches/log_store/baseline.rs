//! The sides that the log store is compared with: the disk itself, and log stores as users would write them.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use openraft_toolkit::log_store::{GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel};
use openraft_toolkit::openraft::OptionalSend;
use openraft_toolkit::openraft::alias::{LogIdOf, VoteOf};
use openraft_toolkit::openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft_toolkit::{decode, encode};
use rocksdb::{DB, Direction, IteratorMode, WriteBatch, WriteOptions};
use tokio::task::spawn_blocking;

use super::{Entry, Types};

/// A plain file. Each append is a write and a sync.
pub(crate) struct Disk(File);

impl Disk {
    pub(crate) fn create(dir: &Path) -> Self {
        let mut options = OpenOptions::new();
        Self(options.create_new(true).append(true).open(dir.join("disk")).unwrap())
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.sync_data().unwrap();
    }
}

/// How a [`Usual`] store makes an append durable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Durable {
    /// A synced `WriteBatch` inside `append`.
    InAppend,
    /// A write inside `append`, and then `flush_wal(true)` on a blocking thread of tokio, as in openraft's example.
    OnBlockingThread,
}

/// The usual log store: each call goes directly to RocksDB. It stores the same keys and frames as the toolkit's log
/// store.
#[derive(Clone)]
pub(crate) struct Usual {
    db: Arc<DB>,
    keys: GroupPrefixed,
    durable: Durable,
}

impl Usual {
    pub(crate) fn new(db: Arc<DB>, keys: GroupPrefixed, durable: Durable) -> Self {
        Self { db, keys, durable }
    }

    fn write(&self, batch: WriteBatch, sync: bool) -> io::Result<()> {
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(batch, &options).map_err(io::Error::other)
    }

    fn meta(&self, label: MetaLabel) -> io::Result<Option<Vec<u8>>> {
        let meta = self.db.cf_handle(META_CF).unwrap();
        self.db
            .get_cf(&meta, self.keys.meta_key(label))
            .map_err(io::Error::other)
    }
}

impl RaftLogReader<Types> for Usual {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let log = self.db.cf_handle(LOG_CF).unwrap();
        let first = match range.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let first = self.keys.log_key(first);
        let from = IteratorMode::From(first.as_ref(), Direction::Forward);
        let mut entries = Vec::new();
        for record in self.db.iterator_cf(&log, from) {
            let (key, value) = record.map_err(io::Error::other)?;
            if !self.keys.log_index(&key).is_some_and(|index| range.contains(&index)) {
                break;
            }
            entries.push(decode(1, &value).map_err(io::Error::other)?);
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        let vote = self.meta(MetaLabel::Vote)?;
        vote.map(|frame| decode(1, &frame))
            .transpose()
            .map_err(io::Error::other)
    }
}

impl RaftLogStorage<Types> for Usual {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let last_purged_log_id: Option<LogIdOf<Types>> = match self.meta(MetaLabel::LastPurged)? {
            Some(frame) => Some(decode(1, &frame).map_err(io::Error::other)?),
            None => None,
        };
        let log = self.db.cf_handle(LOG_CF).unwrap();
        let end = self.keys.log_key(u64::MAX);
        let from = IteratorMode::From(end.as_ref(), Direction::Reverse);
        let last = match self.db.iterator_cf(&log, from).next() {
            None => None,
            Some(record) => {
                let (key, value) = record.map_err(io::Error::other)?;
                let own = self.keys.log_index(&key).is_some();
                let entry = own.then(|| decode::<Entry>(1, &value)).transpose();
                entry.map_err(io::Error::other)?.map(|entry| entry.log_id)
            }
        };
        Ok(LogState {
            last_purged_log_id,
            last_log_id: last.or(last_purged_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        let meta = self.db.cf_handle(META_CF).unwrap();
        let mut batch = WriteBatch::default();
        let frame = encode(1, vote).map_err(io::Error::other)?;
        batch.put_cf(&meta, self.keys.meta_key(MetaLabel::Vote), frame);
        self.write(batch, true)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let log = self.db.cf_handle(LOG_CF).unwrap();
        let mut batch = WriteBatch::default();
        for entry in entries {
            let frame = encode(1, &entry).map_err(io::Error::other)?;
            batch.put_cf(&log, self.keys.log_key(entry.log_id.index), frame);
        }
        self.write(batch, self.durable == Durable::InAppend)?;
        match self.durable {
            Durable::InAppend => callback.io_completed(Ok(())),
            Durable::OnBlockingThread => {
                let db = self.db.clone();
                spawn_blocking(move || callback.io_completed(db.flush_wal(true).map_err(io::Error::other)));
            }
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<Types>>) -> io::Result<()> {
        let log = self.db.cf_handle(LOG_CF).unwrap();
        let first = self.keys.log_key(last_log_id.map_or(0, |last| last.index + 1));
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(&log, first.as_ref(), self.keys.log_key(u64::MAX).as_ref());
        self.write(batch, true)
    }

    async fn purge(&mut self, log_id: LogIdOf<Types>) -> io::Result<()> {
        let log = self.db.cf_handle(LOG_CF).unwrap();
        let meta = self.db.cf_handle(META_CF).unwrap();
        let mut batch = WriteBatch::default();
        let (from, to) = (self.keys.log_key(0), self.keys.log_key(log_id.index + 1));
        batch.delete_range_cf(&log, from.as_ref(), to.as_ref());
        let frame = encode(1, &log_id).map_err(io::Error::other)?;
        batch.put_cf(&meta, self.keys.meta_key(MetaLabel::LastPurged), frame);
        self.write(batch, false)
    }
}
