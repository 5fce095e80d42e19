//! Waiting for something to become true, with a deadline.

use std::time::{Duration, Instant};

/// Looks every few milliseconds until `look` says yes.
///
/// # Errors
/// A sentence when `limit` is over first.
pub fn until(what: &str, limit: Duration, mut look: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let end = Instant::now() + limit;
    loop {
        if look()? {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < end, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
