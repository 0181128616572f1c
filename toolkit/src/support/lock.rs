//! Locks a mutex, even if the mutex is poisoned.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, even if a thread panicked while it held the lock.
///
/// The guarded value is consistent even then, because no code panics halfway through a change of the value. A second
/// panic would only hide the message of the first one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
