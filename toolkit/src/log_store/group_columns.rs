//! The records of one group in RocksDB: where they lie, and how they are read.

use std::marker::PhantomData;

use openraft::RaftTypeConfig;
use openraft::alias::LogIdOf;
use openraft::entry::RaftEntry;
use rocksdb::{DB, ReadOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::{Op, Tags};
use super::record::{Place, Record, decode_value};
use super::writer::{CfName, Claim};
use super::{KeySpace, MetaLabel, RecordId, RocksdbLogStoreError};
use crate::codec::CodecError;
use crate::support::span::Span;

/// The column family called `name`. The handle's type depends on rocksdb's feature
/// `multi-threaded-cf`, which any crate may turn on.
macro_rules! cf_handle {
    ($db:expr, $name:expr) => {
        $db.cf_handle($name)
            .ok_or_else(|| RocksdbLogStoreError::MissingColumnFamily($name.to_string()))
    };
}
pub(super) use cf_handle;

pub(super) struct Records<C, K> {
    log_cf: CfName,
    meta_cf: CfName,
    log: Tags,
    meta: Tags,
    keys: K,
    types: PhantomData<fn() -> C>,
}

impl<C: RaftTypeConfig, K: KeySpace> Records<C, K> {
    pub(super) fn new(
        db: &DB,
        log_cf: impl Into<CfName>,
        meta_cf: impl Into<CfName>,
        keys: K,
    ) -> Result<Self, RocksdbLogStoreError> {
        let (log_cf, meta_cf) = (log_cf.into(), meta_cf.into());
        let log = Tags::of(&cf_handle!(db, &log_cf)?);
        let meta = Tags::of(&cf_handle!(db, &meta_cf)?);
        if log_cf == meta_cf {
            return Err(RocksdbLogStoreError::SharedColumnFamily(log_cf.to_string()));
        }
        Ok(Self {
            log_cf,
            meta_cf,
            log,
            meta,
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

    pub(super) fn claim(&self) -> Claim {
        [
            (self.log_cf.clone(), self.keys.log_key(0).as_ref().into()),
            (
                self.meta_cf.clone(),
                self.keys.meta_key(MetaLabel::Vote).as_ref().into(),
            ),
        ]
    }

    pub(super) fn name(&self) -> String {
        format!("{:?}", self.keys)
    }

    /// The log ids of the first and the last entry behind `purged`, unless there is none.
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
        // A log that was never purged may start anywhere, as its first append decides.
        if purged.is_some() && found.index() != first {
            return Err(self.missing(first));
        }
        Ok(Some([found.log_id(), last.log_id()]))
    }

    pub(super) fn missing(&self, index: u64) -> RocksdbLogStoreError {
        RocksdbLogStoreError::MissingEntry {
            group: self.name(),
            index,
        }
    }

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

    /// Decodes an entry whose index only its key tells.
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

    /// Encodes a key and its value behind what `bytes` has.
    pub(super) fn encode<T: Serialize>(
        &self,
        id: RecordId,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Place, RocksdbLogStoreError> {
        let encoded = match id {
            RecordId::Entry(index) => Place::encode(self.keys.log_key(index).as_ref(), value, bytes),
            RecordId::Meta(label) => Place::encode(self.keys.meta_key(label).as_ref(), value, bytes),
        };
        let place = encoded.map_err(|source| RocksdbLogStoreError::Encode {
            group: self.name(),
            record: id,
            source,
        })?;
        match place.value_len() {
            // More than the length of a value in RocksDB's batches can say.
            bytes if u32::try_from(bytes).is_err() => Err(RocksdbLogStoreError::TooLarge {
                group: self.name(),
                record: id,
                bytes,
            }),
            _ => Ok(place),
        }
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

    pub(super) fn put_entry(&self, record: Record) -> Op {
        Op::Put(self.log, record)
    }

    pub(super) fn put_meta<T: Serialize>(&self, label: MetaLabel, value: &T) -> Result<Op, RocksdbLogStoreError> {
        let mut bytes = Vec::new();
        let place = self.encode(RecordId::Meta(label), value, &mut bytes)?;
        Ok(Op::Put(self.meta, Record::at(&bytes.into(), place)))
    }

    pub(super) fn delete_meta(&self, label: MetaLabel) -> Op {
        Op::Delete(self.meta, self.keys.meta_key(label).as_ref().into())
    }

    pub(super) fn delete(&self, span: Span) -> Op {
        let first = self.keys.log_key(span.first).as_ref().into();
        Op::DeleteRange(self.log, first, self.end_key(span).into())
    }

    /// Deletes all that the group has.
    pub(super) fn delete_all(&self) -> impl Iterator<Item = Op> {
        let meta = MetaLabel::ALL.map(|label| self.delete_meta(label));
        [self.delete(Span::ALL)].into_iter().chain(meta)
    }

    /// Gives the space of what is deleted back to the file system.
    pub(super) fn compact(&self, db: &DB) -> Result<(), RocksdbLogStoreError> {
        let cf = cf_handle!(db, &self.log_cf)?;
        let (from, to) = (self.keys.log_key(0), self.end_key(Span::ALL));
        // Files that hold nothing else are dropped without being read.
        db.delete_file_in_range_cf(&cf, from.as_ref(), &to)?;
        db.compact_range_cf(&cf, Some(from.as_ref()), Some(&to));
        Ok(())
    }

    /// An iterator over the span never leaves it, be it into purged keys or another group's.
    pub(super) fn bounds(&self, span: Span) -> ReadOptions {
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
