use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic elsewhere does not matter, as no code of ours or the user's panics half-way
/// through a change of what the locks guard. In a test it must not hide its message behind another one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
