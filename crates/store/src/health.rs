//! What the store says of itself: whether it can be written, whether its checkpoints reach the directory outside, and how
//! much it has written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What works and what does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Why the last write failed, if it did and none succeeded since. Reads go on.
    pub writes: Option<String>,
    /// Why the last checkpoint could not be written, if so. Entries are written all the same, but new sessions should not
    /// be opened, because nobody could prove later what was on record.
    pub checkpoints: Option<String>,
}

impl Health {
    /// Whether everything works.
    pub const fn is_good(&self) -> bool {
        self.writes.is_none() && self.checkpoints.is_none()
    }
}

/// What was written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Transactions of entries: one fsync each.
    pub transactions: u64,
    /// Entries in them.
    pub entries: u64,
    /// Checkpoints signed and written.
    pub checkpoints: u64,
}

/// The status that the writer keeps and everybody may read.
#[derive(Default)]
pub(crate) struct Status {
    health: Mutex<Health>,
    transactions: AtomicU64,
    entries: AtomicU64,
    checkpoints: AtomicU64,
    trail: watch::Sender<u64>,
    credentials: AtomicU64,
}

impl Status {
    /// How many entries the trail has, as it grows.
    pub(crate) fn trail(&self) -> watch::Receiver<u64> {
        self.trail.subscribe()
    }

    /// The trail has that many entries, all durable.
    pub(crate) fn trail_has(&self, entries: u64) {
        self.trail.send_replace(entries);
    }

    /// Rises whenever a user record or a secret may have changed.
    pub(crate) fn credentials(&self) -> u64 {
        self.credentials.load(Ordering::Acquire)
    }

    /// A user record or a secret may have changed.
    pub(crate) fn credentials_changed(&self) {
        self.credentials.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            transactions: self.transactions.load(Ordering::Relaxed),
            entries: self.entries.load(Ordering::Relaxed),
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
        }
    }

    /// A transaction of that many entries was committed.
    pub(crate) fn committed(&self, entries: u64) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(entries, Ordering::Relaxed);
    }

    /// Takes note of how the last write went. Only a change is logged, so that a full disk does not fill the log too.
    pub(crate) fn wrote(&self, result: Result<(), String>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match (&health.writes, &result) {
            (None, Err(error)) => tracing::error!(%error, "The store cannot be written"),
            (Some(_), Ok(())) => tracing::info!("The store can be written again"),
            _ => {}
        }
        health.writes = result.err();
    }

    /// Takes note of how the last checkpoint went.
    pub(crate) fn checkpointed(&self, result: Result<(), String>) {
        if result.is_ok() {
            self.checkpoints.fetch_add(1, Ordering::Relaxed);
        }
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match (&health.checkpoints, &result) {
            (None, Err(error)) => tracing::error!(%error, "A checkpoint of the audit trail could not be written"),
            (Some(_), Ok(())) => tracing::info!("Checkpoints of the audit trail are written again"),
            _ => {}
        }
        health.checkpoints = result.err();
    }
}
