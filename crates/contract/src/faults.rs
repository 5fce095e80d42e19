//! What goes wrong, and when. Every call through a port passes here twice, before and after its effect; each passing is a
//! step that can be the one at which the process dies.

use crate::entropy::Seeded;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

/// What happens to one command sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It takes effect and its answer arrives.
    Normal,
    /// It never arrives, and the sender is told so.
    NotSent,
    /// It takes effect, but its answer is lost.
    AnswerLost,
    /// Its answer is lost, and it takes effect only after this time.
    Late(Duration),
}

#[derive(Debug, Default)]
struct State {
    random: Option<Seeded>,
    steps: u64,
    crash_at: Option<u64>,
    crashed: bool,
    target_down: bool,
    store_down: bool,
    /// One command in so many goes wrong; zero for none.
    command_faults: u64,
    /// One commit in so many is lost before or after it is written; zero for none.
    commit_faults: u64,
    trace: Vec<&'static str>,
}

/// The source of all faults of one simulated world.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
    crash: Notify,
}

/// What happens to one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFate {
    /// It is written and confirmed.
    Normal,
    /// It is not written, and the writer is told that the store is not available.
    Refused,
    /// It is written, but the writer is told that the store is not available.
    WrittenButRefused,
}

impl Faults {
    /// Faults chosen by a seed: one command and one commit in so many go wrong.
    pub fn seeded(seed: u64, command_faults: u64, commit_faults: u64) -> Self {
        let faults = Self::default();
        {
            let mut state = faults.state.lock().unwrap();
            state.random = Some(Seeded::new(seed));
            state.command_faults = command_faults;
            state.commit_faults = commit_faults;
        }
        faults
    }

    /// The process dies at this step, counted from now.
    pub fn crash_after(&self, steps: u64) {
        let mut state = self.state.lock().unwrap();
        state.crash_at = Some(state.steps + steps);
    }

    /// How many steps there were.
    pub fn steps(&self) -> u64 {
        self.state.lock().unwrap().steps
    }

    /// The last steps, for the report of a failing run.
    pub fn trace(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().trace.clone()
    }

    /// Returns once the process has died.
    pub async fn crashed(&self) {
        loop {
            let notified = self.crash.notified();
            if self.state.lock().unwrap().crashed {
                return;
            }
            notified.await;
        }
    }

    /// A new process starts.
    pub fn restart(&self) {
        self.state.lock().unwrap().crashed = false;
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.command_faults = 0;
        state.commit_faults = 0;
        state.target_down = false;
        state.store_down = false;
        state.crash_at = None;
    }

    /// Takes the targets down, or brings them back.
    pub fn set_target_down(&self, down: bool) {
        self.state.lock().unwrap().target_down = down;
    }

    /// Makes the store refuse writes, or take them again.
    pub fn set_store_down(&self, down: bool) {
        self.state.lock().unwrap().store_down = down;
    }

    /// Passes a step. A process that has died never gets past one.
    pub async fn step(&self, what: &'static str) {
        let dead = {
            let mut state = self.state.lock().unwrap();
            if !state.crashed {
                state.steps += 1;
                state.trace.push(what);
                if state.crash_at.is_some_and(|at| state.steps >= at) {
                    state.crashed = true;
                    state.crash_at = None;
                    state.trace.push("CRASH");
                    self.crash.notify_waiters();
                }
            }
            state.crashed
        };
        if dead {
            std::future::pending::<()>().await;
        }
        // Others get their turn between any two steps.
        tokio::task::yield_now().await;
    }

    /// Chooses what happens to the next command.
    pub fn fate(&self) -> Fate {
        let mut state = self.state.lock().unwrap();
        if state.target_down {
            return Fate::NotSent;
        }
        let one_in = state.command_faults;
        let Some(random) = state.random.as_mut().filter(|_| one_in > 0) else { return Fate::Normal };
        if !random.one_in(one_in) {
            return Fate::Normal;
        }
        match random.below(3) {
            0 => Fate::NotSent,
            1 => Fate::AnswerLost,
            _ => Fate::Late(Duration::from_millis(random.below(8_000))),
        }
    }

    /// Chooses what happens to the next commit.
    pub fn commit_fate(&self) -> CommitFate {
        let mut state = self.state.lock().unwrap();
        if state.store_down {
            return CommitFate::Refused;
        }
        let one_in = state.commit_faults;
        let Some(random) = state.random.as_mut().filter(|_| one_in > 0) else { return CommitFate::Normal };
        if !random.one_in(one_in) {
            return CommitFate::Normal;
        }
        if random.one_in(2) { CommitFate::Refused } else { CommitFate::WrittenButRefused }
    }
}
