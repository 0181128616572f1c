//! The newest entries of a group, in memory. This is the only place that knows how these entries are kept in memory.

use std::collections::VecDeque;

use crate::log_store::encoded::Record;
use crate::log_store::writer::queue::BatchNumber;

/// The newest entries of one group: all entries that RocksDB does not have yet, and older ones as far as a budget
/// allows.
///
/// Unless the tail is empty, its last record is the last entry of the log.
#[derive(Default)]
pub(super) struct Tail {
    /// The index of the first record. It means nothing while there are no records.
    first: u64,
    records: VecDeque<TailRecord>,
    bytes: usize,
}

struct TailRecord {
    record: Record,
    /// The batch that carries the record to RocksDB.
    batch: BatchNumber,
}

impl Tail {
    /// Returns the index of the first record, or `None` if there are no records.
    pub(super) fn first(&self) -> Option<u64> {
        (!self.records.is_empty()).then_some(self.first)
    }

    /// Adds the entry at `index`, which must follow the last record of the tail. `batch` carries the entry to RocksDB.
    pub(super) fn push(&mut self, index: u64, record: Record, batch: BatchNumber) {
        if self.records.is_empty() {
            self.first = index;
        }
        self.bytes += record.memory();
        self.records.push_back(TailRecord { record, batch });
    }

    /// Returns the records from index `start` on. Starts with the first record if `start` is before it.
    pub(super) fn iter_from(&self, start: u64) -> impl Iterator<Item = &Record> {
        let skip = usize::try_from(start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.records.range(skip.min(self.records.len())..).map(|r| &r.record)
    }

    /// Removes the records from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        while self.last().is_some_and(|last| last >= index) {
            if let Some(removed) = self.records.pop_back() {
                self.bytes -= removed.record.memory();
            }
        }
    }

    /// Removes the records up to and including `index`.
    pub(super) fn purge_to(&mut self, index: u64) {
        while self.first().is_some_and(|first| first <= index) {
            self.pop_front();
        }
    }

    /// Removes the oldest records until the rest takes at most `budget` bytes. Keeps all records of batches after
    /// `written`, because RocksDB does not have them yet.
    pub(super) fn evict(&mut self, written: BatchNumber, budget: usize) {
        while self.bytes > budget && self.records.front().is_some_and(|r| r.batch <= written) {
            self.pop_front();
        }
    }

    fn last(&self) -> Option<u64> {
        Some(self.first + (self.records.len() as u64).checked_sub(1)?)
    }

    fn pop_front(&mut self) {
        if let Some(removed) = self.records.pop_front() {
            self.bytes -= removed.record.memory();
            // After the record at `u64::MAX`, there are no records and `first` means nothing.
            self.first = self.first.wrapping_add(1);
        }
    }
}
