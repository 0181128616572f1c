use std::collections::VecDeque;

use super::record::Record;

/// The newest entries of one group, in memory: all that RocksDB does not have yet, and more as
/// far as a budget allows.
///
/// Its last record is always the last entry of the log.
#[derive(Default)]
pub(super) struct Tail {
    /// The index of the first record; meaningless while there is none.
    first: u64,
    records: VecDeque<Queued>,
    bytes: usize,
}

struct Queued {
    record: Record,
    /// The batch of the writer that carries it to RocksDB.
    batch: u64,
}

impl Tail {
    /// The index of the first record.
    pub(super) fn first(&self) -> Option<u64> {
        (!self.records.is_empty()).then_some(self.first)
    }

    /// Adds the entry at `index`, which follows the last one.
    pub(super) fn push(&mut self, index: u64, record: Record, batch: u64) {
        if self.records.is_empty() {
            self.first = index;
        }
        self.bytes += record.size();
        self.records.push_back(Queued { record, batch });
    }

    /// The records from `start` on; all there are where `start` lies before the first.
    pub(super) fn iter_from(&self, start: u64) -> impl Iterator<Item = &Record> {
        let skip = usize::try_from(start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.records.range(skip.min(self.records.len())..).map(|q| &q.record)
    }

    /// Removes the records from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        while self.last().is_some_and(|last| last >= index) {
            if let Some(q) = self.records.pop_back() {
                self.bytes -= q.record.size();
            }
        }
    }

    /// Removes the records up to `index`, included.
    pub(super) fn purge_to(&mut self, index: u64) {
        while self.first().is_some_and(|first| first <= index) {
            self.pop_front();
        }
    }

    /// Brings the tail down to `budget` bytes, as far as the batches up to `written` allow: what
    /// RocksDB does not have stays.
    pub(super) fn evict(&mut self, written: u64, budget: usize) {
        while self.bytes > budget && self.records.front().is_some_and(|q| q.batch <= written) {
            self.pop_front();
        }
    }

    fn last(&self) -> Option<u64> {
        Some(self.first + (self.records.len() as u64).checked_sub(1)?)
    }

    fn pop_front(&mut self) {
        if let Some(q) = self.records.pop_front() {
            self.bytes -= q.record.size();
            // Past `u64::MAX` there is no record left, and `first` means nothing.
            self.first = self.first.wrapping_add(1);
        }
    }
}
