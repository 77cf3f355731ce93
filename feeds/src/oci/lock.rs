//! Locks around what is learned of registries.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it; what was learned before a panic is still true.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
