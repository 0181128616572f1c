//! One encoded record: a key and its value, as RocksDB stores them.
//!
//! This is the only place that knows how a value is encoded: as a frame, `[version: u8 = 1 | bincode body]`.
//! [`group_columns`](super::group_columns) chooses the key of a record.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, decode, encode_into};

/// The version of the frames of entries and meta records.
const VERSION: u8 = 1;

/// The most bytes that a record may have, key and value together.
///
/// RocksDB's memtable keeps a record in one allocation, and computes its size in 32 bits: key, value and about 30 bytes
/// more. If the sum overflows, RocksDB writes past the allocation. This limit is far below, also because RocksDB keeps
/// several copies of a value while it writes, flushes and compacts.
pub(super) const MAX_RECORD: usize = 1 << 30;

/// The most bytes that the records of one append may have. They go into one batch, and so into one WAL record, which
/// RocksDB reads into memory as a whole when it opens the database.
pub(super) const MAX_APPEND: usize = 2 << 30;

/// Returns whether the records of one append, which take `bytes` together, are too large for one batch.
pub(super) fn is_too_large_append(bytes: usize) -> bool {
    bytes > MAX_APPEND
}

/// An estimate of the memory, in bytes, that a record takes in addition to its key and value.
const RECORD_OVERHEAD: usize = 64;

/// Where a record lies in the buffer that it was encoded into.
#[derive(Clone, Copy)]
pub(super) struct RecordRange {
    start: usize,
    key_len: usize,
    end: usize,
}

impl RecordRange {
    /// Encodes a record at the end of `buffer`. After an error, `buffer` may end with a part of the record.
    pub(super) fn encode<T: Serialize>(key: &[u8], value: &T, buffer: &mut Vec<u8>) -> Result<Self, CodecError> {
        let start = buffer.len();
        buffer.extend_from_slice(key);
        encode_into(VERSION, value, buffer)?;
        Ok(Self {
            start,
            key_len: key.len(),
            end: buffer.len(),
        })
    }

    /// Returns the key. `buffer` must be the buffer that the record was encoded into, or a copy of it. With a shorter
    /// buffer, this may panic.
    pub(super) fn key<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        &buffer[self.start..self.start + self.key_len]
    }

    /// Returns the value. What [`key`](Self::key) requires of `buffer` must hold here too.
    pub(super) fn value<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        &buffer[self.start + self.key_len..self.end]
    }

    /// Returns the size of key and value in bytes.
    fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns the size of the record as an error if it is larger than [`MAX_RECORD`].
    pub(super) fn check_size(&self) -> Result<(), usize> {
        match self.len() {
            len if len > MAX_RECORD => Err(len),
            _ => Ok(()),
        }
    }
}

/// A key and its value. All records of one append share one buffer, which is freed with the last of them.
#[derive(Clone)]
pub(super) struct Record {
    buffer: Arc<[u8]>,
    range: RecordRange,
}

impl Record {
    pub(super) fn new(buffer: &Arc<[u8]>, range: RecordRange) -> Self {
        Self {
            buffer: buffer.clone(),
            range,
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        self.range.key(&self.buffer)
    }

    pub(super) fn value(&self) -> &[u8] {
        self.range.value(&self.buffer)
    }

    /// An estimate of the memory that the record takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.range.len() + RECORD_OVERHEAD
    }
}

/// Decodes the value of a record.
pub(super) fn decode_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, CodecError> {
    decode(VERSION, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_far_below_what_rocksdb_counts_in_32_bits() {
        // The memtable adds at most 2 lengths of 5 bytes, 8 bytes for the sequence number and type, and a checksum of 8
        // bytes.
        assert!(u32::try_from(MAX_RECORD + 26).is_ok_and(|size| size < u32::MAX / 2));
        assert!(u32::try_from(MAX_APPEND + MAX_RECORD).is_ok());
    }

    #[test]
    fn the_largest_command_that_can_be_proposed_fits_a_record() {
        // The rest of a record is the key, the log id and the index of the variant.
        const { assert!(crate::lifecycle::MAX_COMMAND + 4096 <= MAX_RECORD) };
    }

    #[test]
    fn a_record_is_measured_with_its_key() {
        let record = |key_len, len| RecordRange {
            start: 7,
            key_len,
            end: 7 + len,
        };
        assert!(record(8, MAX_RECORD).check_size().is_ok());
        assert_eq!(record(8, MAX_RECORD + 1).check_size(), Err(MAX_RECORD + 1));
        assert_eq!(record(8, 1 << 32).check_size(), Err(1 << 32));
    }

    #[test]
    fn the_records_of_an_append_are_measured_together() {
        assert!(!is_too_large_append(MAX_APPEND));
        assert!(is_too_large_append(MAX_APPEND + 1));
    }
}
