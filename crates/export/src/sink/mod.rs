//! Sinks of the trail: what takes entries, and the task that serves one from where its cursor stands.

mod file;
mod serve;
mod syslog;

use crate::entry::Entry;
use async_trait::async_trait;
use mayfly_dial::DialError;
use mayfly_domain::WallTime;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use file::FileSink;
pub use serve::{Notes, Parts, serve};
pub use syslog::{Syslog, SyslogSettings};

/// Why entries were not taken. All of them are tried again.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file cannot be written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The receiver is not there, or is not to be trusted.
    #[error("{}", .0.person_text())]
    Dial(#[from] DialError),
    /// The connection broke before the receiver had confirmed what it took.
    #[error("{to} did not confirm what was sent: {source}")]
    Broken {
        /// The receiver.
        to: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("{to} has not taken what was sent within {} s", limit.as_secs())]
    Slow {
        /// The receiver.
        to: String,
        /// The limit.
        limit: Duration,
    },
}

/// What takes entries of the trail.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Hands these entries over, in order, and returns once all of them have been taken. After an error any of them may
    /// have been.
    ///
    /// # Errors
    /// [`SinkError`] with what an administrator can do something about.
    async fn deliver(&self, entries: &[Entry]) -> Result<(), SinkError>;
}

/// How far behind a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// The next entry that it is to get.
    pub next: u64,
    /// When the first entry happened that it has not got; `None` when it has all.
    pub oldest: Option<WallTime>,
    /// How often delivery has failed since the start.
    pub failures: u64,
    /// How many entries were missing or could not be read when it was their turn, since the start.
    pub gaps: u64,
}

/// How a sink does, for whoever asks.
#[derive(Debug, Default)]
pub struct State {
    lag: Mutex<Lag>,
    failure: Mutex<Option<String>>,
}

impl State {
    /// How far behind it is.
    pub fn lag(&self) -> Lag {
        *self.held()
    }

    /// Why nothing is taken; `None` while it is.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    fn held(&self) -> MutexGuard<'_, Lag> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
