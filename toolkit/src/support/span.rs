//! Ranges of indexes, and what makes a run of them a log.

use std::ops::{Bound, RangeBounds};

/// A range of indexes that is not empty, both ends included: `u64::MAX` is an index like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Span {
    pub(crate) fn new(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The indexes of `range`; `None` when it is empty.
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

    /// The capacity for what is read of it, which may be only the first part.
    #[cfg(feature = "rocksdb-log-store")]
    pub(crate) fn capacity(self) -> usize {
        (self.last - self.first).saturating_add(1).min(1024) as usize
    }

    pub(crate) fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }
}

#[cfg(feature = "rocksdb-log-store")]
impl Span {
    pub(crate) const ALL: Span = Span {
        first: 0,
        last: u64::MAX,
    };

    pub(crate) fn up_to(self, last: u64) -> Option<Self> {
        Self::new(self.first, self.last.min(last))
    }

    pub(crate) fn from(self, first: u64) -> Option<Self> {
        Self::new(self.first.max(first), self.last)
    }

    pub(crate) fn before(self, index: u64) -> Option<Self> {
        self.up_to(index.checked_sub(1)?)
    }

    pub(crate) fn after(self, index: u64) -> Option<Self> {
        self.from(index.checked_add(1)?)
    }
}

/// An index that does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) index: u64,
    pub(crate) expected: u64,
}

/// A log has no hole, so an entry follows the one before it, or the last purged one, which is at
/// `previous`. Only a blank log may start anywhere.
pub(crate) fn check_consecutive(mut previous: Option<u64>, indexes: impl IntoIterator<Item = u64>) -> Result<(), Hole> {
    for index in indexes {
        let expected = match previous {
            Some(previous) => previous.checked_add(1),
            None => Some(index),
        };
        if expected != Some(index) {
            let expected = expected.unwrap_or(u64::MAX);
            return Err(Hole { index, expected });
        }
        previous = Some(index);
    }
    Ok(())
}
