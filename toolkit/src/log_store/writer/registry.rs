//! At most one running value for each key: the one writer of each database.
//!
//! The registry is generic so that it need not know the writer, whose handle it keeps.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use crate::support::lock::lock;

/// The running values by key. A key stays until [`remove`](Self::remove), which comes after the last handle is
/// dropped: in between, the value is finishing its work.
pub(super) struct Registry<T> {
    running: Mutex<HashMap<usize, Weak<T>>>,
    removed: Condvar,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            removed: Condvar::new(),
        }
    }
}

impl<T> Registry<T> {
    /// Returns the value that runs under `key`, or else the one that `start` starts. Waits, blocking, until an
    /// earlier value has finished.
    pub(super) fn get_or_start<E>(&self, key: usize, start: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut running = lock(&self.running);
        while let Some(value) = running.get(&key) {
            if let Some(value) = value.upgrade() {
                return Ok(value);
            }
            running = self.removed.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        let value = Arc::new(start()?);
        running.insert(key, Arc::downgrade(&value));
        Ok(value)
    }

    /// Removes the value of `key`, which has finished its work.
    pub(super) fn remove(&self, key: usize) {
        lock(&self.running).remove(&key);
        self.removed.notify_all();
    }
}
