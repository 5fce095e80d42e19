//! A clock over tokio's paused time, whose wall time can be stepped. It outlives the runtime: a process that is killed and
//! started again finds the machine's boot clock where it was.

use async_trait::async_trait;
use mayfly_domain::{BootTime, WallTime};
use mayfly_engine::ports::clock::Clock;
use std::sync::Mutex;
use std::time::Duration;

/// How far a wall clock that is right is ahead of the boot clock, in microseconds.
const RIGHT: i64 = 1_700_000_000_000_000;

struct State {
    /// Boot time at the moment that `origin` stands for.
    base: Duration,
    origin: Option<tokio::time::Instant>,
    /// How far the wall clock is ahead of the boot clock, in microseconds.
    wall_offset: i64,
}

/// The machine's clocks in a simulation.
pub struct SimClock(Mutex<State>);

impl Default for SimClock {
    fn default() -> Self {
        Self(Mutex::new(State { base: Duration::from_secs(1000), origin: None, wall_offset: RIGHT }))
    }
}

impl SimClock {
    /// Ties the clock to the runtime that runs now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn attach(&self) {
        let mut state = self.0.lock().unwrap();
        state.origin = Some(tokio::time::Instant::now());
    }

    /// Lets go of the runtime, keeping the time that has passed.
    pub fn detach(&self) {
        let now = self.since_boot();
        let mut state = self.0.lock().unwrap();
        state.base = now;
        state.origin = None;
    }

    /// Steps the wall clock; boot time is not touched.
    pub fn step_wall(&self, micros: i64) {
        self.0.lock().unwrap().wall_offset += micros;
    }

    /// Sets the wall clock right, as a time service does.
    pub fn set_wall_right(&self) {
        self.0.lock().unwrap().wall_offset = RIGHT;
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn since_boot(&self) -> Duration {
        let state = self.0.lock().unwrap();
        state.base + state.origin.map_or(Duration::ZERO, |origin| tokio::time::Instant::now() - origin)
    }

    /// True time: what a correct clock elsewhere in the world would show.
    pub fn true_time(&self) -> WallTime {
        WallTime::from_micros(RIGHT).plus(self.since_boot())
    }
}

#[async_trait]
impl Clock for SimClock {
    fn wall(&self) -> WallTime {
        let boot = i64::try_from(self.since_boot().as_micros()).unwrap();
        WallTime::from_micros(boot + self.0.lock().unwrap().wall_offset)
    }

    fn boot(&self) -> BootTime {
        BootTime::from_nanos(0).plus(self.since_boot())
    }

    async fn sleep_until(&self, until: BootTime) {
        let wait = until.since(self.boot());
        tokio::time::sleep(wait).await;
    }
}
