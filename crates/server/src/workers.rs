//! Work that keeps a processor busy: hashing. At most two at a time, on threads of their own, so that a flood of sign-ins
//! slows sign-ins and nothing else (SECURITY-CASES §6, L1) and takes no more memory than two hashes do: 19 MiB each.

use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};

/// How many hash at a time.
const THREADS: usize = 2;

/// A runtime for its threads alone; `None` where the system refuses one.
static HASHERS: OnceLock<Option<Runtime>> = OnceLock::new();

/// Runs `work` on a thread that may block.
pub(crate) async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let hashers = HASHERS.get_or_init(|| Builder::new_current_thread().max_blocking_threads(THREADS).build().ok());
    let done = match hashers {
        Some(hashers) => hashers.spawn_blocking(work).await,
        None => tokio::task::spawn_blocking(work).await,
    };
    match done {
        Ok(value) => value,
        // The work panicked, or the runtime is ending: both end this request, and the task's owner logs it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
