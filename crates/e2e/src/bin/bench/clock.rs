//! The machine's clocks for what the benchmark itself puts together.

use async_trait::async_trait;
use mayfly_domain::{BootTime, WallTime};
use mayfly_engine::ports::clock::Clock;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's clocks. It is not suspended while it measures.
pub(crate) struct Machine;

#[async_trait]
impl Clock for Machine {
    fn wall(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_micros(0).plus(since)
    }

    fn boot(&self) -> BootTime {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        BootTime::from_nanos(0).plus(Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()))
    }

    async fn sleep_until(&self, until: BootTime) {
        loop {
            let wait = until.since(self.boot());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }
}
