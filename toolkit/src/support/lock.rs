//! Locks a mutex, even if the mutex is poisoned.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, even if a thread panicked while it held the lock.
///
/// This library's own code does not panic halfway through a change of a guarded value. User code that runs under a lock
/// may panic, for example while it encodes entries into a buffer, which the next append clears, or while it applies an
/// entry to a fake state machine. A second panic here would only hide the message of the first one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
