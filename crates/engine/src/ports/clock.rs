//! The clock port: wall time for what people and targets speak of, boot time for what must end on time.

use async_trait::async_trait;
use mayfly_domain::{BootTime, WallTime};

/// Where the engine reads the time. The real one is the operating system's; the simulation's can be stepped and stopped.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now, by the wall clock of this machine. It may be set back or forward at any moment.
    fn wall(&self) -> WallTime;

    /// Now, on the clock that only runs forward and counts time spent suspended.
    fn boot(&self) -> BootTime;

    /// Returns once [`Clock::boot`] is at or past `until`.
    async fn sleep_until(&self, until: BootTime);
}
