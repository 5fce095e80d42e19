//! A lock that outlives a panic. What it guards is changed in single steps, so a panic elsewhere leaves nothing half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`; never held across an await.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
