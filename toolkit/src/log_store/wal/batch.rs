//! What the writer writes at once, in the form in which RocksDB keeps a batch and writes it to its WAL.
//!
//! RocksDB's interface can neither put anything in front of what a batch has, nor use its memory
//! again. So a batch is put together here, while the one before it is synced, and gets its mark when
//! it is written, with all that is known by then.

use rocksdb::{AsColumnFamilyRef, WriteBatch};

use super::record::Record;
use super::synced::Mark;

/// A sequence number, which RocksDB fills in, and the count of operations.
const HEADER: usize = 12;
const START: usize = HEADER + Mark::BYTES;

/// The capacity that a batch keeps in any case.
const KEPT_BYTES: usize = 64 << 10;

/// How the operations on a column family start: with their type and its number.
#[derive(Clone, Copy)]
pub(super) struct Tags {
    put: Tag,
    delete: Tag,
    delete_range: Tag,
}

#[derive(Clone, Copy)]
struct Tag {
    bytes: [u8; 6],
    len: u8,
}

impl Tags {
    pub(super) fn of(cf: &impl AsColumnFamilyRef) -> Self {
        Self {
            put: Tag::of(2, |batch| batch.put_cf(cf, [], [])),
            delete: Tag::of(1, |batch| batch.delete_cf(cf, [])),
            delete_range: Tag::of(2, |batch| batch.delete_range_cf(cf, [], [])),
        }
    }
}

impl Tag {
    /// What RocksDB writes before the lengths of so many empty `operands`.
    fn of(operands: usize, operation: impl FnOnce(&mut WriteBatch)) -> Self {
        let mut batch = WriteBatch::default();
        operation(&mut batch);
        let written = batch.data().iter().skip(HEADER);
        let len = written.len() - operands;
        let mut bytes = [0; 6];
        for (byte, written) in bytes.iter_mut().zip(written.take(len)) {
            *byte = *written;
        }
        Self { bytes, len: len as u8 }
    }
}

pub(super) enum Op {
    Put(Tags, Record),
    Delete(Tags, Box<[u8]>),
    /// From a key to another, excluded.
    DeleteRange(Tags, Box<[u8]>, Box<[u8]>),
}

pub(super) struct Batch {
    /// Room for the header and a mark, and the operations.
    bytes: Vec<u8>,
    count: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            bytes: vec![0; START],
            count: 0,
        }
    }
}

impl Batch {
    pub(super) fn push(&mut self, op: &Op) {
        match op {
            Op::Put(tags, record) => {
                self.start(tags.put);
                self.operand(record.key());
                self.operand(record.value());
            }
            Op::Delete(tags, key) => {
                self.start(tags.delete);
                self.operand(key);
            }
            Op::DeleteRange(tags, from, to) => {
                self.start(tags.delete_range);
                self.operand(from);
                self.operand(to);
            }
        }
    }

    fn start(&mut self, tag: Tag) {
        self.count += 1;
        self.bytes.extend(tag.bytes.iter().take(tag.len.into()));
    }

    fn operand(&mut self, operand: &[u8]) {
        let mut len = operand.len();
        while len >= 0x80 {
            self.bytes.push(len as u8 | 0x80);
            len >>= 7;
        }
        self.bytes.push(len as u8);
        self.bytes.extend_from_slice(operand);
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() - START
    }

    /// The batch for RocksDB, which starts with `mark`.
    pub(super) fn seal(&mut self, mark: Option<Mark>) -> WriteBatch {
        let mut header = [0; HEADER];
        if let Some((_, count)) = header.split_last_chunk_mut() {
            *count = self.count.to_le_bytes();
        }
        match mark {
            Some(mark) => {
                self.head()
                    .copy_from_slice([&header[..], &mark.operation()].concat().as_slice());
                WriteBatch::from_data(&self.bytes)
            }
            None => {
                let (_, own) = self.head().split_at_mut(Mark::BYTES);
                own.copy_from_slice(&header);
                WriteBatch::from_data(self.bytes.split_at(Mark::BYTES).1)
            }
        }
    }

    fn head(&mut self) -> &mut [u8] {
        self.bytes.split_at_mut(START).0
    }

    /// Empties the batch, and keeps its memory for the next one as long as it is made use of.
    pub(super) fn clear(&mut self) {
        let (used, capacity) = (self.bytes.len(), self.bytes.capacity());
        self.count = 0;
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

    use super::super::synced::Position;
    use super::*;

    #[test]
    fn a_batch_has_the_bytes_that_rocksdb_would_give_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // So many that a number takes two bytes.
        let names: Vec<_> = (0..200).map(|n| format!("cf{n}")).collect();
        let db = DB::open_cf(&options, dir.path(), &names).unwrap();
        let mark = Mark {
            synced: Position { file: 7, length: 300 },
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
                let tags = Tags::of(&cf);
                for size in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
                    let (key, value) = (vec![number as u8; 1 + size / 1000], vec![9; size]);
                    batch.push(&Op::Put(tags, Record::new(&key, &value)));
                    batch.push(&Op::Delete(tags, key.clone().into()));
                    batch.push(&Op::DeleteRange(tags, [].into(), key.clone().into()));
                    expected.put_cf(&cf, &key, &value);
                    expected.delete_cf(&cf, &key);
                    expected.delete_range_cf(&cf, vec![], key);
                }
            }
            assert!(batch.seal(mark).data() == expected.data());
            assert_eq!(batch.count() as usize, expected.len());

            // Its memory is used again.
            let capacity = batch.bytes.capacity();
            batch.clear();
            assert!(batch.is_empty() && batch.bytes() == 0 && batch.bytes.capacity() == capacity);
            let mut empty = WriteBatch::default();
            if let Some(mark) = mark {
                empty.put_log_data(&mark.operation()[2..]);
            }
            assert_eq!(batch.seal(mark).data(), empty.data());

            // Not for ever.
            (0..20).for_each(|_| batch.clear());
            assert!(batch.bytes.capacity() <= KEPT_BYTES);
        }
        drop(Arc::new(db));
    }
}
