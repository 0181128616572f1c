//! Picks the keys that a test uses.

use std::sync::Mutex;

use crate::support::lock::lock;

/// Picks the keys of a test: a few at a time, each replaced by a new key after a number of operations.
///
/// The history of each key thus stays short enough to be checked, however long the test runs.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::Keys;
///
/// let keys = Keys::new(2, 3);
/// let used: Vec<String> = (0..5).map(|_| keys.pick(7)).collect();
/// assert_eq!(used, ["1-0", "1-0", "1-0", "1-1", "1-1"]);
/// ```
#[derive(Debug)]
pub struct Keys {
    operations: usize,
    /// How often a key was picked from each place so far. A place has one key at a time.
    picked: Mutex<Vec<usize>>,
}

impl Keys {
    /// Returns a source of keys that has `count` keys in use at a time, and replaces each key after `operations` picks.
    ///
    /// Choose a small `count`: clients that share few keys contend, and most errors show only under contention. The
    /// check of a key with 100 operations of 8 clients takes milliseconds.
    ///
    /// # Panics
    ///
    /// If `count` or `operations` is 0.
    pub fn new(count: usize, operations: usize) -> Self {
        assert!(
            count > 0 && operations > 0,
            "`Keys::new` needs at least one key and one operation on it"
        );
        Self {
            operations,
            picked: Mutex::new(vec![0; count]),
        }
    }

    /// Returns one of the keys that are in use. `choice` may be any number, such as a random one. Numbers with the same
    /// remainder modulo `count` pick the same key, until that key is replaced.
    pub fn pick(&self, choice: u64) -> String {
        let mut picked = lock(&self.picked);
        let place = choice as usize % picked.len();
        let generation = picked[place] / self.operations;
        picked[place] += 1;
        format!("{place}-{generation}")
    }
}
