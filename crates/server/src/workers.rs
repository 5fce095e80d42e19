//! Work that keeps a processor busy: hashing. At most two at a time, so that a flood of sign-ins slows sign-ins and nothing
//! else (SECURITY-CASES §6, L1).

use tokio::sync::Semaphore;

static HASHING: Semaphore = Semaphore::const_new(2);

/// Runs `work` on a thread that may block.
pub(crate) async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let place = HASHING.acquire().await;
    let done = tokio::task::spawn_blocking(work).await;
    drop(place);
    match done {
        Ok(value) => value,
        // The work panicked, or the runtime is ending: both end this request, and the task's owner logs it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
