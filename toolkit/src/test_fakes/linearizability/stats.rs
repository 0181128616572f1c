//! How many operations a history has, by outcome.

use std::fmt;
use std::ops::AddAssign;

use super::operation::{End, Operation};

/// How many operations a [`History`](super::History) has, by outcome.
///
/// [`History::check`](super::History::check) returns these numbers. Assert on these numbers as well as on the verdict:
/// a history in which every operation was refused is linearizable, but proves nothing.
///
/// # Examples
///
/// Adds up two histories:
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op, Stats};
///
/// let mut total = Stats::default();
/// for _ in 0..2 {
///     let history = History::new();
///     let client = history.client();
///     client.call("k", Op::Put("1".into())).returned(Answer::Done);
///     client.call("k", Op::Delete).failed();
///     total += history.check().unwrap();
/// }
/// assert_eq!(total.operations(), 4);
/// assert_eq!(total.to_string(), "4 operations on 2 keys: 2 returned, 2 refused, 0 unknown");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Operations to which the client got an answer.
    pub returned: usize,
    /// Operations that were refused, so they never take effect.
    pub failed: usize,
    /// Operations without an answer, so their outcome is unknown.
    pub unknown: usize,
    /// Different keys that were used. A sum of several histories counts a key once for each history that used it.
    pub keys: usize,
}

impl Stats {
    /// Returns the number of all operations, whatever their outcome.
    pub fn operations(&self) -> usize {
        self.returned + self.failed + self.unknown
    }

    pub(super) fn count(&mut self, operation: &Operation) {
        match operation.end {
            End::Returned(..) => self.returned += 1,
            End::Failed => self.failed += 1,
            End::Unknown => self.unknown += 1,
        }
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.returned += other.returned;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.keys += other.keys;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            returned,
            failed,
            unknown,
            keys,
        } = self;
        let operations = self.operations();
        write!(
            f,
            "{operations} operations on {keys} keys: {returned} returned, {failed} refused, {unknown} unknown"
        )
    }
}
