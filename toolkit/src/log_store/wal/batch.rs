//! A batch of operations, as RocksDB writes it to its WAL.
//!
//! The log store builds the bytes itself, for two reasons:
//!
//! - RocksDB's `WriteBatch` cannot insert a mark before operations that it already has. A batch is filled while the
//!   batch before it is synced, and [`seal`](Batch::seal) inserts the mark last, when the durable position is known.
//! - An emptied `WriteBatch` keeps all of its memory, while [`clear`](Batch::clear) gives back memory that is no longer
//!   used.

use rocksdb::{AsColumnFamilyRef, WriteBatch};

use super::fields::{Fields, put_varint};
use super::mark::Mark;
use super::operations::BATCH_HEADER;

/// The offset of the operations in `bytes` of a batch: the header and the room for a mark come first.
const START: usize = BATCH_HEADER + Mark::OPERATION;

/// The capacity, in bytes, that an emptied batch may always keep.
const KEPT_BYTES: usize = 64 << 10;

/// The first bytes of each kind of operation on one column family: RocksDB's type of the operation, and the number of
/// the column family. Operations on the default column family have types of their own, which no number follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::log_store) struct CfPrefixes {
    /// RocksDB's number of the column family.
    number: u32,
    put: Prefix,
    delete: Prefix,
    delete_range: Prefix,
}

/// The type of an operation, in one byte, and the number of a column family, as a varint of at most five bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Prefix {
    bytes: [u8; 6],
    len: u8,
}

impl CfPrefixes {
    /// Returns the prefixes for `cf`, as RocksDB's own `WriteBatch` writes them.
    pub(in crate::log_store) fn new(cf: &impl AsColumnFamilyRef) -> Self {
        let put = Prefix::of_operation(2, |batch| batch.put_cf(cf, [], []));
        Self {
            number: put.column_family(),
            put,
            delete: Prefix::of_operation(1, |batch| batch.delete_cf(cf, [])),
            delete_range: Prefix::of_operation(2, |batch| batch.delete_range_cf(cf, [], [])),
        }
    }
}

impl Prefix {
    /// Returns what RocksDB writes for `operation` before the operands. `operation` must have `operands` empty
    /// operands: each of these is one byte, its length.
    fn of_operation(operands: usize, operation: impl FnOnce(&mut WriteBatch)) -> Self {
        let mut batch = WriteBatch::default();
        operation(&mut batch);
        let written = batch.data().iter().skip(BATCH_HEADER);
        // RocksDB adds no operation if the column family has timestamps, which the log store refuses later.
        let len = written.len().saturating_sub(operands);
        let mut bytes = [0; 6];
        for (byte, written) in bytes.iter_mut().zip(written.take(len)) {
            *byte = *written;
        }
        Self { bytes, len: len as u8 }
    }

    /// Returns the number of the column family. Operations on the default column family, whose number is 0, have none.
    fn column_family(&self) -> u32 {
        let [_type, number @ ..] = &self.bytes;
        match self.len {
            0 | 1 => 0,
            _ => Fields(number).varint().and_then(|n| n.try_into().ok()).unwrap_or(0),
        }
    }
}

/// Operations that RocksDB applies atomically. A batch may carry the operations of many groups.
pub(in crate::log_store) struct Batch {
    /// Room for the header and a mark, and then the operations.
    bytes: Vec<u8>,
    count: u32,
    /// The number of the column family of the last operation.
    last_column_family: Option<u32>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            bytes: vec![0; START],
            count: 0,
            last_column_family: None,
        }
    }
}

impl Batch {
    pub(in crate::log_store) fn put(&mut self, cf: CfPrefixes, key: &[u8], value: &[u8]) {
        self.operation(cf, cf.put, [key, value]);
    }

    pub(in crate::log_store) fn delete(&mut self, cf: CfPrefixes, key: &[u8]) {
        self.operation(cf, cf.delete, [key]);
    }

    /// Deletes a range of keys: `from` inclusive, `to` exclusive.
    pub(in crate::log_store) fn delete_range(&mut self, cf: CfPrefixes, from: &[u8], to: &[u8]) {
        self.operation(cf, cf.delete_range, [from, to]);
    }

    fn operation<const N: usize>(&mut self, cf: CfPrefixes, prefix: Prefix, operands: [&[u8]; N]) {
        self.count += 1;
        self.last_column_family = Some(cf.number);
        self.bytes.extend(prefix.bytes.iter().take(prefix.len.into()));
        for operand in operands {
            put_varint(operand.len() as u64, &mut self.bytes);
            self.bytes.extend_from_slice(operand);
        }
    }

    /// Returns the number of operations, without the mark.
    pub(in crate::log_store) fn count(&self) -> u32 {
        self.count
    }

    /// Returns RocksDB's number of the column family of the last operation, or `None` if there is no operation.
    pub(in crate::log_store) fn last_column_family(&self) -> Option<u32> {
        self.last_column_family
    }

    pub(in crate::log_store) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the size of the operations in bytes, without the header and the mark.
    pub(in crate::log_store) fn bytes(&self) -> usize {
        self.bytes.len() - START
    }

    /// Returns the batch for RocksDB. If there is a `mark`, it is the first operation.
    pub(in crate::log_store) fn seal(&mut self, mark: Option<Mark>) -> WriteBatch {
        // RocksDB fills in the sequence number.
        let mut header = [0; BATCH_HEADER];
        header[8..].copy_from_slice(&self.count.to_le_bytes());
        // `bytes` is never shorter than START.
        match mark {
            Some(mark) => {
                self.bytes[..BATCH_HEADER].copy_from_slice(&header);
                self.bytes[BATCH_HEADER..START].copy_from_slice(&mark.operation());
                WriteBatch::from_data(&self.bytes)
            }
            None => {
                // Without a mark, write the header directly before the operations.
                self.bytes[Mark::OPERATION..START].copy_from_slice(&header);
                WriteBatch::from_data(&self.bytes[Mark::OPERATION..])
            }
        }
    }

    /// Empties the batch, and keeps its memory for the next batch. If less than a quarter of the memory was used, gives
    /// up half of it, but keeps at least [`KEPT_BYTES`].
    pub(in crate::log_store) fn clear(&mut self) {
        let (used, capacity) = (self.bytes.len(), self.bytes.capacity());
        self.count = 0;
        self.last_column_family = None;
        self.bytes.truncate(START);
        if used < capacity / 4 {
            self.bytes.shrink_to(KEPT_BYTES.max(capacity / 2));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use rocksdb::{DB, Options};

    use super::super::mark::Position;
    use super::*;

    #[test]
    fn a_batch_has_the_bytes_that_rocksdb_would_give_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // Create more than 127 column families, because only from 128 on does the number of a column family take two
        // bytes.
        let names: Vec<_> = (0..200).map(|n| format!("cf{n}")).collect();
        let db = DB::open_cf(&options, dir.path(), &names).unwrap();
        let mark = Mark {
            durable: Position { file: 7, length: 300 },
            written: 5,
        };

        for mark in [None, Some(mark)] {
            let mut expected = WriteBatch::default();
            if let Some(mark) = mark {
                expected.put_log_data(&mark.operation()[2..]);
            }
            let mut batch = Batch::default();
            for (number, name) in ["default", "cf0", "cf199"].iter().enumerate() {
                let cf = db.cf_handle(name).unwrap();
                let prefixes = CfPrefixes::new(&cf);
                // RocksDB numbers the column families in the order in which they are created.
                assert_eq!(prefixes.number, [0, 1, 200][number]);
                for size in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
                    let (key, value) = (vec![number as u8; 1 + size / 1000], vec![9; size]);
                    batch.put(prefixes, &key, &value);
                    batch.delete(prefixes, &key);
                    batch.delete_range(prefixes, &[], &key);
                    expected.put_cf(&cf, &key, &value);
                    expected.delete_cf(&cf, &key);
                    expected.delete_range_cf(&cf, vec![], key);
                }
            }
            assert!(batch.seal(mark).data() == expected.data());
            assert_eq!(batch.count() as usize, expected.len());

            // An emptied batch keeps its memory.
            let capacity = batch.bytes.capacity();
            batch.clear();
            assert!(batch.is_empty() && batch.bytes() == 0 && batch.bytes.capacity() == capacity);
            let mut empty = WriteBatch::default();
            if let Some(mark) = mark {
                empty.put_log_data(&mark.operation()[2..]);
            }
            assert_eq!(batch.seal(mark).data(), empty.data());

            // A batch that stays empty gives its memory back.
            (0..20).for_each(|_| batch.clear());
            assert!(batch.bytes.capacity() <= KEPT_BYTES);
        }
        drop(Arc::new(db));
    }
}
