//! Locks a mutex, also after a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, and ignores that another thread panicked while it held the lock.
///
/// No code panics halfway through a change of what these locks guard, so the guarded value is consistent. A second panic
/// would only hide the message of the first one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
