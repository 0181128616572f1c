//! The mark at the start of a batch. It records how far the WAL was durable, and how long it was, before that batch.
//!
//! ```text
//! a batch:    sequence: u64 | count: u32 | the mark's operation | other operations
//! the mark's  +---------+------------+------------+-----------+-------------+--------------+
//! operation:  | type: 3 | length: 32 | "raft-syn" | file: u64 | length: u64 | written: u64 |
//!             +---------+------------+------------+-----------+-------------+--------------+
//! ```
//!
//! All numbers are little endian.

use std::io::{self, Read, Seek};

use super::operations::{LOG_DATA, log_data};
use super::scan::Scan;

/// The first bytes of a mark's payload. They distinguish a mark from log data that a user writes.
const MAGIC: &[u8; 8] = b"raft-syn";

/// The length in bytes of a mark's payload: the magic and three numbers. RocksDB writes this length as a varint, which
/// is one byte for lengths up to 127.
const PAYLOAD: u8 = 32;

/// A position in one of RocksDB's numbered files: the number of the file, and the length in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::log_store) struct Position {
    pub(in crate::log_store) file: u64,
    pub(in crate::log_store) length: u64,
}

/// How far the WAL was durable and written just before a batch was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log_store) struct Mark {
    /// The position up to which the WAL was durable.
    pub(in crate::log_store) durable: Position,
    /// The length in bytes of the WAL `durable.file`, including what was not durable yet.
    pub(in crate::log_store) written: u64,
}

impl Mark {
    /// The length in bytes of [`operation`](Self::operation): one byte for the type, one for the length, and the
    /// payload.
    pub(super) const OPERATION: usize = 2 + PAYLOAD as usize;

    /// Returns the operation that holds the mark.
    pub(super) fn operation(self) -> [u8; Self::OPERATION] {
        let Self { durable, written } = self;
        let mut operation = [0; Self::OPERATION];
        let parts = [
            &[LOG_DATA, PAYLOAD],
            MAGIC.as_slice(),
            &durable.file.to_le_bytes(),
            &durable.length.to_le_bytes(),
            &written.to_le_bytes(),
        ];
        operation.copy_from_slice(&parts.concat());
        operation
    }

    /// Returns the mark in `batch`, a record of the WAL, or `None` if the batch has no mark.
    ///
    /// The mark is at the start of the log store's own batch. RocksDB may have put the operations of other writers
    /// before that batch.
    pub(in crate::log_store) fn in_batch(batch: &[u8]) -> Option<Self> {
        log_data(batch).find_map(Self::from_payload)
    }

    fn from_payload(payload: &[u8]) -> Option<Self> {
        let numbers = payload.strip_prefix(MAGIC)?;
        let (file, numbers) = numbers.split_first_chunk()?;
        let (length, numbers) = numbers.split_first_chunk()?;
        Some(Self {
            durable: Position {
                file: u64::from_le_bytes(*file),
                length: u64::from_le_bytes(*length),
            },
            written: u64::from_le_bytes(numbers.try_into().ok()?),
        })
    }
}

/// The marks of a WAL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::log_store) struct Marks {
    /// The first mark in the WAL.
    pub(in crate::log_store) first: Option<Mark>,
    /// The furthest durable position that any mark reports, or `None` if there is no mark.
    pub(in crate::log_store) durable: Option<Position>,
}

impl Marks {
    /// Reads all marks of a WAL, including those after the first damage.
    pub(in crate::log_store) fn read(wal: impl Read + Seek) -> io::Result<(Scan, Self)> {
        let mut marks = Self::default();
        let scan = Scan::read(wal, 0, |record| {
            if let Some(mark) = Mark::in_batch(record.bytes) {
                marks.first.get_or_insert(mark);
                marks.durable = marks.durable.max(Some(mark.durable));
            }
        })?;
        Ok((scan, marks))
    }
}
