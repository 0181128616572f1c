use std::sync::Mutex;
use std::sync::PoisonError;

/// A few keys at a time, each for so many operations, so that the history of a key stays short enough to be checked.
///
/// ```
/// use openraft_toolkit_linearizability::Keys;
///
/// let keys = Keys::new(2, 3);
/// let used: Vec<String> = (0..5).map(|_| keys.pick(7)).collect();
/// assert_eq!(used, ["1-0", "1-0", "1-0", "1-1", "1-1"]);
/// ```
#[derive(Debug)]
pub struct Keys {
    operations: usize,
    /// How often each key that is in use and those before it were picked.
    picked: Mutex<Vec<usize>>,
}

impl Keys {
    /// `count` keys at a time, for `operations` each.
    ///
    /// Clients that share few keys contend, which is what finds anomalies. 100 operations of 8 clients a key are
    /// checked within milliseconds.
    ///
    /// # Panics
    ///
    /// When one of them is 0.
    pub fn new(count: usize, operations: usize) -> Self {
        assert!(
            count > 0 && operations > 0,
            "there must be a key and an operation on it"
        );
        Self {
            operations,
            picked: Mutex::new(vec![0; count]),
        }
    }

    /// One of the keys that are in use, as `choice` says, which may be any number.
    pub fn pick(&self, choice: u64) -> String {
        let mut picked = self.picked.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = choice as usize % picked.len();
        let generation = picked[slot] / self.operations;
        picked[slot] += 1;
        format!("{slot}-{generation}")
    }
}
