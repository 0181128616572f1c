//! Finds the running writer of a database.
//!
//! The registry is generic: a registry of `Writer`s would have to import `writer/mod.rs`, which imports this file.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use crate::support::lock::lock;

/// The running values by key. Between the drop of a value's last handle and [`remove`](Self::remove), the value is
/// finishing its work, and no other value can start under its key.
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
    /// Returns the value that runs under `key`, or starts one with `start`. Blocks while an earlier value under `key`
    /// is finishing its work. Returns the error of `start` if that fails.
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

    /// Returns the value that runs under `key`, if any.
    pub(super) fn get(&self, key: usize) -> Option<Arc<T>> {
        lock(&self.running).get(&key)?.upgrade()
    }

    /// Removes the value under `key`, which must have finished its work, so that the next value can start.
    pub(super) fn remove(&self, key: usize) {
        lock(&self.running).remove(&key);
        self.removed.notify_all();
    }
}
