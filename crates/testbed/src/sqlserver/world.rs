//! What all sessions share. A transaction that has changed something makes everybody else wait, as its locks would.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::SqlError;
use super::state::{Catalogue, Sessions};

/// How long somebody waits for another's transaction.
const PATIENCE: Duration = Duration::from_secs(30);

/// The world, behind its lock.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    changed: Condvar,
}

/// The catalogue and the sessions.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) catalogue: Catalogue,
    pub(crate) sessions: Sessions,
    /// The session whose transaction has changed something, and how the catalogue was before.
    transaction: Option<(u16, Catalogue)>,
    /// Locks that applications have named: the name, the session whose transaction holds it, whether alone.
    locks: Vec<(String, u16, bool)>,
    /// Whether the server is to end.
    pub(crate) stopping: bool,
}

impl Shared {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        let world =
            World { catalogue, sessions: Sessions::default(), transaction: None, locks: Vec::new(), stopping: false };
        Self { world: Mutex::new(world), changed: Condvar::new() }
    }

    /// The world, whoever is in a transaction.
    pub(crate) fn at_once(&self) -> MutexGuard<'_, World> {
        // It is whole after every statement, also if a panic poisoned the lock.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world for a session, once nobody else's transaction is in the way.
    ///
    /// # Errors
    /// 1222 if that takes too long.
    pub(crate) fn for_session(
        &self,
        session: u16,
        patience: Option<Duration>,
    ) -> Result<MutexGuard<'_, World>, SqlError> {
        let others = |world: &mut World| {
            let killed = world.sessions.get(session).is_some_and(|session| session.killed);
            !killed && world.transaction.as_ref().is_some_and(|(owner, _)| *owner != session)
        };
        let waited = self.changed.wait_timeout_while(self.at_once(), patience.unwrap_or(PATIENCE), others);
        let (world, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(SqlError::new(1222, "Lock request time out period exceeded."));
        }
        Ok(world)
    }

    /// Takes a lock for the transaction of a session, waiting at most so long. Whether it got it.
    pub(crate) fn lock(&self, name: &str, session: u16, alone: bool, patience: Duration) -> bool {
        let held = |world: &mut World| {
            world
                .locks
                .iter()
                .any(|(other, owner, exclusive)| other == name && *owner != session && (alone || *exclusive))
        };
        let waited = self.changed.wait_timeout_while(self.at_once(), patience, held);
        let (mut world, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return false;
        }
        world.locks.push((name.to_owned(), session, alone));
        true
    }

    /// Wakes those who wait for a transaction.
    pub(crate) fn wake(&self) {
        self.changed.notify_all();
    }
}

impl World {
    /// Says that a session is about to change something within a transaction.
    pub(crate) fn remember(&mut self, session: u16) {
        if self.transaction.is_none() {
            self.transaction = Some((session, self.catalogue.clone()));
        }
    }

    /// Ends the transaction of a session.
    pub(crate) fn end(&mut self, session: u16, keep: bool) {
        self.locks.retain(|(_, owner, _)| *owner != session);
        if let Some((owner, before)) = self.transaction.take_if(|(owner, _)| *owner == session) {
            debug_assert_eq!(owner, session);
            if !keep {
                self.catalogue = before;
            }
        }
    }
}
