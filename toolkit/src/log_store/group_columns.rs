//! One group's records in its two column families: reading them, and adding operations on them to a batch.
//!
//! [`encoded`](super::encoded) decides what a value looks like, and the [`KeySpace`] decides which key belongs to which
//! index.

use std::marker::PhantomData;

use openraft::RaftTypeConfig;
use openraft::alias::LogIdOf;
use openraft::entry::RaftEntry;
use rocksdb::{DB, ReadOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoded::{MAX_RECORD, Record, RecordRange, decode_value};
use super::error::{RecordId, RocksdbLogStoreError};
use super::key_space::{KeySpace, MetaLabel};
use super::synced::options::columns::Column;
use super::wal::batch::{Batch, CfPrefixes};
use super::writer::claims::{CfName, Claim};
use crate::codec::CodecError;
use crate::support::span::Span;

/// Returns the handle of the column family called `$name`. This is a macro because the type of the handle
/// depends on rocksdb's feature `multi-threaded-cf`, which any crate in a user's dependency graph may turn on.
macro_rules! cf_handle {
    ($db:expr, $name:expr) => {
        $db.cf_handle($name)
            .ok_or_else(|| RocksdbLogStoreError::MissingColumnFamily($name.to_string()))
    };
}
pub(super) use cf_handle;

/// The log and the meta column family, and the keys of one group in them.
pub(super) struct GroupColumns<C, K> {
    log_cf: CfName,
    meta_cf: CfName,
    log_prefixes: CfPrefixes,
    meta_prefixes: CfPrefixes,
    keys: K,
    types: PhantomData<fn() -> C>,
}

/// A range of keys in the log column family: `first` inclusive, `end` exclusive.
pub(super) struct KeyRange {
    first: Box<[u8]>,
    end: Box<[u8]>,
}

impl<C: RaftTypeConfig, K: KeySpace> GroupColumns<C, K> {
    pub(super) fn new(
        db: &DB,
        log_cf: impl Into<CfName>,
        meta_cf: impl Into<CfName>,
        keys: K,
    ) -> Result<Self, RocksdbLogStoreError> {
        let (log_cf, meta_cf) = (log_cf.into(), meta_cf.into());
        let log_prefixes = CfPrefixes::new(&cf_handle!(db, &log_cf)?);
        let meta_prefixes = CfPrefixes::new(&cf_handle!(db, &meta_cf)?);
        if log_cf == meta_cf {
            return Err(RocksdbLogStoreError::SharedColumnFamily(log_cf.to_string()));
        }
        Ok(Self {
            log_cf,
            meta_cf,
            log_prefixes,
            meta_prefixes,
            keys,
            types: PhantomData,
        })
    }

    pub(super) fn keys(&self) -> &K {
        &self.keys
    }

    pub(super) fn log_cf(&self) -> &CfName {
        &self.log_cf
    }

    pub(super) fn meta_cf(&self) -> &CfName {
        &self.meta_cf
    }

    pub(super) fn log_column(&self) -> Column<'_> {
        (&self.log_cf, self.log_prefixes)
    }

    pub(super) fn meta_column(&self) -> Column<'_> {
        (&self.meta_cf, self.meta_prefixes)
    }

    /// Returns all keys that the group can ever write.
    pub(super) fn claim(&self) -> Claim {
        Claim {
            group: self.name(),
            log_cf: self.log_cf.clone(),
            log: [0, u64::MAX].map(|index| self.keys.log_key(index).as_ref().into()),
            meta_cf: self.meta_cf.clone(),
            meta: MetaLabel::ALL.map(|label| self.keys.meta_key(label).as_ref().into()),
        }
    }

    /// Returns the name of the group in error messages.
    pub(super) fn name(&self) -> String {
        format!("{:?}", self.keys)
    }

    /// Reads the log ids of the first and the last entry after `purged`, the log id up to which the log was purged.
    /// Returns `None` if no entry after `purged` is stored.
    pub(super) fn read_ends(
        &self,
        db: &DB,
        purged: Option<&LogIdOf<C>>,
    ) -> Result<Option<[LogIdOf<C>; 2]>, RocksdbLogStoreError> {
        let first = match purged {
            None => 0,
            Some(purged) => match purged.index.checked_add(1) {
                Some(next) => next,
                None => return Ok(None),
            },
        };
        let cf = cf_handle!(db, &self.log_cf)?;
        let mut entries = db.raw_iterator_cf_opt(&cf, self.bounds(Span { first, ..Span::ALL }));
        entries.seek_to_last();
        let Some(last) = entries.item().map(|item| self.decode_item(item)).transpose()? else {
            entries.status()?;
            return Ok(None);
        };
        entries.seek_to_first();
        let Some(found) = entries.item().map(|item| self.decode_item(item)).transpose()? else {
            entries.status()?;
            return Err(self.missing(first));
        };
        // A log that was never purged may start at any index: its first append decides.
        if purged.is_some() && found.index() != first {
            return Err(self.missing(first));
        }
        Ok(Some([found.log_id(), last.log_id()]))
    }

    /// Returns the error that says that the entry at `index` is missing.
    pub(super) fn missing(&self, index: u64) -> RocksdbLogStoreError {
        RocksdbLogStoreError::MissingEntry {
            group: self.name(),
            index,
        }
    }

    /// Decodes the value of the entry at `index`, and checks that the entry itself has that index.
    pub(super) fn decode(&self, index: u64, value: &[u8]) -> Result<C::Entry, RocksdbLogStoreError> {
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

    /// Decodes an entry from its key and value. The key determines which index the entry must have.
    pub(super) fn decode_item(&self, (key, value): (&[u8], &[u8])) -> Result<C::Entry, RocksdbLogStoreError> {
        let index = self
            .keys
            .log_index(key)
            .ok_or_else(|| RocksdbLogStoreError::ForeignKey {
                group: self.name(),
                key: key.to_vec(),
            })?;
        self.decode(index, value)
    }

    fn corrupt(&self, record: RecordId, source: CodecError) -> RocksdbLogStoreError {
        RocksdbLogStoreError::Corrupt {
            group: self.name(),
            record,
            key: match record {
                RecordId::Entry(index) => self.keys.log_key(index).as_ref().to_vec(),
                RecordId::Meta(label) => self.keys.meta_key(label).as_ref().to_vec(),
            },
            source,
        }
    }

    pub(super) fn read_meta<T: DeserializeOwned>(
        &self,
        db: &DB,
        label: MetaLabel,
    ) -> Result<Option<T>, RocksdbLogStoreError> {
        let cf = cf_handle!(db, &self.meta_cf)?;
        let Some(value) = db.get_pinned_cf(&cf, self.keys.meta_key(label))? else {
            return Ok(None);
        };
        decode_value(&value)
            .map(Some)
            .map_err(|source| self.corrupt(RecordId::Meta(label), source))
    }

    /// Encodes an entry at the end of `buffer`.
    pub(super) fn encode_entry(
        &self,
        entry: &C::Entry,
        buffer: &mut Vec<u8>,
    ) -> Result<RecordRange, RocksdbLogStoreError> {
        let index = entry.index();
        self.encode(RecordId::Entry(index), self.keys.log_key(index).as_ref(), entry, buffer)
    }

    pub(super) fn encode_meta<T: Serialize>(
        &self,
        label: MetaLabel,
        value: &T,
    ) -> Result<Record, RocksdbLogStoreError> {
        let mut buffer = Vec::new();
        let key = self.keys.meta_key(label);
        let range = self.encode(RecordId::Meta(label), key.as_ref(), value, &mut buffer)?;
        Ok(Record::new(&buffer.into(), range))
    }

    fn encode<T: Serialize>(
        &self,
        record: RecordId,
        key: &[u8],
        value: &T,
        buffer: &mut Vec<u8>,
    ) -> Result<RecordRange, RocksdbLogStoreError> {
        let encoded = RecordRange::encode(key, value, buffer);
        let range = encoded.map_err(|source| RocksdbLogStoreError::Encode {
            group: self.name(),
            record,
            source,
        })?;
        range.check_size().map_err(|bytes| RocksdbLogStoreError::TooLarge {
            group: self.name(),
            record,
            bytes,
            limit: MAX_RECORD,
        })?;
        Ok(range)
    }

    pub(super) fn put_entry(&self, batch: &mut Batch, key: &[u8], value: &[u8]) {
        batch.put(self.log_prefixes, key, value);
    }

    pub(super) fn put_meta(&self, batch: &mut Batch, record: &Record) {
        batch.put(self.meta_prefixes, record.key(), record.value());
    }

    /// Deletes the meta record whose key is `key`, from [`meta_key`](Self::meta_key).
    pub(super) fn delete_meta(&self, batch: &mut Batch, key: &[u8]) {
        batch.delete(self.meta_prefixes, key);
    }

    pub(super) fn meta_key(&self, label: MetaLabel) -> Box<[u8]> {
        self.keys.meta_key(label).as_ref().into()
    }

    pub(super) fn delete_entries(&self, batch: &mut Batch, range: &KeyRange) {
        batch.delete_range(self.log_prefixes, &range.first, &range.end);
    }

    /// Compacts the group's part of the log column family, which returns the space of deleted entries to the file
    /// system.
    ///
    /// Call this only after all entries of the group are deleted, because it deletes table files together with their
    /// entries.
    pub(super) fn compact(&self, db: &DB) -> Result<(), RocksdbLogStoreError> {
        let cf = cf_handle!(db, &self.log_cf)?;
        let KeyRange { first, end } = self.key_range(Span::ALL);
        // First delete the table files below level 0 that contain only entries of this group, because deleting a file
        // is cheaper than compacting it. RocksDB deletes no files of level 0 here, so the compaction covers these.
        db.delete_file_in_range_cf(&cf, &first, &end)?;
        db.compact_range_cf(&cf, Some(&first), Some(&end));
        Ok(())
    }

    /// Returns read options for an iterator over the keys of `span`. The bounds keep the iterator from walking over
    /// purged entries before `span`, and over entries of other groups.
    pub(super) fn bounds(&self, span: Span) -> ReadOptions {
        let KeyRange { first, end } = self.key_range(span);
        let mut options = total_order();
        options.set_iterate_lower_bound(first);
        options.set_iterate_upper_bound(end);
        options
    }

    /// Returns the keys of `span`. `end` is the key that sorts right after that of the last index, because `u64::MAX` has
    /// no next index.
    pub(super) fn key_range(&self, span: Span) -> KeyRange {
        KeyRange {
            first: self.keys.log_key(span.first).as_ref().into(),
            end: after(&self.keys.log_key(span.last)).into(),
        }
    }
}

/// Returns the key that sorts right after `key`.
pub(super) fn after(key: &impl AsRef<[u8]>) -> Vec<u8> {
    [key.as_ref(), &[0]].concat()
}

/// Returns read options for an iterator over all keys of a column family. Without `total_order_seek`, an iterator may
/// miss keys if the column family has a prefix extractor.
pub(super) fn total_order() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options
}
