//! Ranges of log indexes, and the check that a log has no hole.

use std::ops::{Bound, RangeBounds};

/// A range of indexes that is not empty: `first` inclusive, `last` inclusive. So a range can end with `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Span {
    /// Returns the range from `first` to `last`, or `None` if it would be empty.
    pub(crate) fn new(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// Returns the indexes of `range`, or `None` if `range` is empty.
    pub(crate) fn of(range: &impl RangeBounds<u64>) -> Option<Self> {
        let first = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let last = match range.end_bound() {
            Bound::Included(&last) => last,
            Bound::Excluded(&end) => end.checked_sub(1)?,
            Bound::Unbounded => u64::MAX,
        };
        Self::new(first, last)
    }

    /// Returns for how many entries to reserve memory before the range is read. The number is at most 1024, because a
    /// read may end long before the end of the range.
    #[cfg(feature = "rocksdb-log-store")]
    pub(crate) fn capacity(self) -> usize {
        (self.last - self.first).saturating_add(1).min(1024) as usize
    }

    /// Returns the indexes that are in both ranges, or `None` if there are none.
    pub(crate) fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }
}

#[cfg(feature = "rocksdb-log-store")]
impl Span {
    /// All indexes.
    pub(crate) const ALL: Span = Span {
        first: 0,
        last: u64::MAX,
    };

    /// Returns the part of the range up to the index `last`, or `None` if that part is empty.
    pub(crate) fn up_to(self, last: u64) -> Option<Self> {
        Self::new(self.first, self.last.min(last))
    }

    /// Returns the part of the range from the index `first` on, or `None` if that part is empty.
    pub(crate) fn from(self, first: u64) -> Option<Self> {
        Self::new(self.first.max(first), self.last)
    }

    /// Returns the part of the range before `index`, or `None` if that part is empty.
    pub(crate) fn before(self, index: u64) -> Option<Self> {
        self.up_to(index.checked_sub(1)?)
    }

    /// Returns the part of the range after `index`, or `None` if that part is empty.
    pub(crate) fn after(self, index: u64) -> Option<Self> {
        self.from(index.checked_add(1)?)
    }
}

/// A gap in a log: an entry has the index `index`, but should have the index `expected` to follow the entry before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) index: u64,
    pub(crate) expected: u64,
}

/// Checks that `indexes` continue a log without a hole.
///
/// `previous` is the index of the last entry of the log or, if the log has no entries, the last purged index. The first
/// of `indexes` must follow it. If `previous` is `None`, the log is blank, and `indexes` may start anywhere.
pub(crate) fn check_consecutive(mut previous: Option<u64>, indexes: impl IntoIterator<Item = u64>) -> Result<(), Hole> {
    for index in indexes {
        let expected = match previous {
            Some(previous) => previous.checked_add(1),
            None => Some(index),
        };
        if expected != Some(index) {
            // No index follows `u64::MAX`: report this index itself.
            let expected = expected.unwrap_or(u64::MAX);
            return Err(Hole { index, expected });
        }
        previous = Some(index);
    }
    Ok(())
}
