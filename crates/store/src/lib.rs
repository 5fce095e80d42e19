//! The embedded store: the ledger, the audit trail and what people applied, in one SQLite file. Everything is written by one
//! thread, which is the group commit: it takes all entries that wait, writes each in a savepoint of one transaction, and
//! answers them after one fsync. Reads run on connections of their own and see what is committed.
//!
//! Invariants, stated as absences: nothing here sees a secret in the clear, decides anything about access, or talks to a
//! target. No SQL is composed from text: every statement is a file in `sql/` with bound parameters. A sequence number or a
//! hash is never given by anybody but the writer.

mod access;
mod activate;
mod checkpoint;
mod claim;
mod database;
mod error;
mod facts;
mod files;
mod health;
mod history;
mod ledger;
mod merkle;
mod migrate;
mod offline;
mod open;
mod outside;
mod readers;
mod snapshot;
mod standing;
mod threads;
mod trail;
mod writer;

pub use error::OpenError;
pub use facts::{Facts, facts};
pub use health::{Counts, Health};
pub use offline::not_over;
pub use open::{Settings, create, installation};
pub use snapshot::{Contents, mark_restored, snapshot};
pub use standing::Doubt;

use crate::error::Stop;
use crate::readers::Readers;
use crate::writer::{Job, Writer};
use mayfly_domain::InstallationId;
use mayfly_domain::audit::Event;
use mayfly_engine::ports::ledger::LedgerError;
use rusqlite::Connection;
use tokio::sync::watch;

/// An open store. While it lives, no other server can open the same directory.
pub struct Store {
    installation: InstallationId,
    readers: Readers,
    writer: Writer,
    status: std::sync::Arc<health::Status>,
    settings: Settings,
    doubts: Vec<Doubt>,
    epoch: u64,
    outside_epoch: u64,
}

impl Store {
    /// The installation whose store this is.
    pub fn installation(&self) -> &InstallationId {
        &self.installation
    }

    /// What works and what does not.
    pub fn health(&self) -> Health {
        self.status.health()
    }

    /// Whether everything works, so that new sessions may be opened.
    pub fn healthy(&self) -> bool {
        self.status.health().is_good()
    }

    /// What was written since the store was opened.
    pub fn counts(&self) -> Counts {
        self.status.counts()
    }

    /// How many entries the trail has, as it grows: a change is seen once the entries are durable.
    pub fn trail_size(&self) -> watch::Receiver<u64> {
        self.status.trail()
    }

    /// Rises whenever a user record or a secret may have changed.
    pub fn credentials_revision(&self) -> u64 {
        self.status.credentials()
    }

    /// Writes what still waits, signs the last checkpoint, and ends the store's threads. Blocks until they have ended. What
    /// is committed afterwards is answered with [`LedgerError::Unavailable`]. Dropping the store does the same.
    pub fn close(&self) {
        self.writer.close();
        self.readers.close();
    }

    /// Hands writes and their events to the writer and waits until they are on disk or refused. When the caller vanishes,
    /// they are written all the same.
    pub(crate) async fn write(
        &self,
        events: Vec<Event>,
        apply: impl FnOnce(&Connection) -> Result<(), Stop> + Send + 'static,
    ) -> Result<(), Stop> {
        self.writer.write(|reply| Job { apply: Box::new(apply), events, reply, activates: false }).await
    }

    /// Runs a read on a connection of its own, in one transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.readers.read(work).await.map_err(LedgerError::from)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
