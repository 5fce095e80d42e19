//! The machine's clocks: the wall clock, and `CLOCK_BOOTTIME`, which counts time spent suspended. tokio's timers do not, so
//! a task watches for time that passed unseen and wakes every sleeper to look again.

use async_trait::async_trait;
use mayfly_domain::{BootTime, WallTime};
use mayfly_engine::Tasks;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often the watcher looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How much time has to have passed unseen before sleepers are woken.
const UNSEEN: Duration = Duration::from_millis(100);

/// The machine's clocks.
#[derive(Debug, Default)]
pub struct OsClock {
    resumed: Notify,
}

impl OsClock {
    /// The clocks, with the watcher running in `tasks`.
    pub fn start(tasks: &Tasks) -> Arc<Self> {
        let clock = Arc::new(Self::default());
        let watched = Arc::clone(&clock);
        tasks.spawn("clock watcher", async move { watched.watch().await });
        clock
    }

    async fn watch(&self) {
        let mut before = unseen();
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let now = unseen();
            if now.saturating_sub(before) > UNSEEN {
                tracing::warn!(seconds = (now - before).as_secs(), "The machine was suspended");
                self.resumed.notify_waiters();
            }
            before = now;
        }
    }
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// How much the clock that counts suspended time is ahead of the one that timers run on.
fn unseen() -> Duration {
    duration(clock_gettime(ClockId::Boottime)).saturating_sub(duration(clock_gettime(ClockId::Monotonic)))
}

#[async_trait]
impl mayfly_engine::ports::clock::Clock for OsClock {
    fn wall(&self) -> WallTime {
        WallTime::from_micros(0).plus(duration(clock_gettime(ClockId::Realtime)))
    }

    fn boot(&self) -> BootTime {
        BootTime::from_nanos(0).plus(duration(clock_gettime(ClockId::Boottime)))
    }

    async fn sleep_until(&self, until: BootTime) {
        loop {
            let resumed = self.resumed.notified();
            let wait = until.since(self.boot());
            if wait.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                () = resumed => {}
            }
        }
    }
}

#[async_trait]
impl mayfly_brokers::port::Clock for OsClock {
    fn now(&self) -> BootTime {
        mayfly_engine::ports::clock::Clock::boot(self)
    }

    async fn sleep_until(&self, until: BootTime) {
        mayfly_engine::ports::clock::Clock::sleep_until(self, until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_engine::ports::clock::Clock;

    #[tokio::test]
    async fn a_sleep_ends_at_or_after_its_moment() {
        let clock = OsClock::default();
        let until = clock.boot().plus(Duration::from_millis(20));
        clock.sleep_until(until).await;
        assert!(clock.boot() >= until);
        assert!(clock.wall().micros() > 1_700_000_000_000_000);
    }

    #[tokio::test]
    async fn sleepers_that_are_woken_early_look_again() {
        let clock = Arc::new(OsClock::default());
        let until = clock.boot().plus(Duration::from_millis(50));
        let waker = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            clock.resumed.notify_waiters();
        };
        tokio::join!(clock.sleep_until(until), waker);
        assert!(clock.boot() >= until);
    }
}
