//! Warm administrative connections: one to each place, shared by all that is done there at the same time, kept for a while
//! after its last use. One on which something went wrong is not used again.

use super::answer::Answer;
use super::connection::{Admin, Facts};
use super::script::Script;
use super::trouble::Trouble;
use crate::services::Services;
use mayfly_domain::{Failure, FailureClass, Permit, Place};
use mayfly_engine::Tasks;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands on one host at once (DESIGN §9); OpenSSH lets ten share a connection.
const COMMANDS_MOST: usize = 4;
/// How long a command waits for its turn.
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// An idle connection is let go after ten of these, five minutes; after one it is asked whether it still lives.
const TICK: Duration = Duration::from_secs(30);
const IDLE_TICKS: u32 = 10;

/// The connections of all hosts.
pub(super) struct Pool {
    services: Services,
    tasks: Tasks,
    places: Mutex<HashMap<Place, Arc<Slot>>>,
    watched: AtomicBool,
}

/// The connection to one place.
struct Slot {
    turns: Arc<Semaphore>,
    /// Held while dialling, so that whoever comes meanwhile waits for the same connection.
    connection: tokio::sync::Mutex<Option<Open>>,
    /// Ticks since the last use.
    idle: AtomicU32,
}

/// A connection that is open.
struct Open {
    admin: Arc<Admin>,
    /// That of the credentials before it was opened.
    revision: u64,
}

impl Pool {
    pub(super) fn new(services: Services) -> Arc<Self> {
        Arc::new(Self { services, tasks: Tasks::new(), places: Mutex::default(), watched: AtomicBool::new(false) })
    }

    /// What it connects with.
    pub(super) const fn services(&self) -> &Services {
        &self.services
    }

    /// A turn on the connection to `place`, warm or new.
    ///
    /// # Errors
    /// `Busy` when no turn comes in time; otherwise what connecting ran into.
    pub(super) async fn lease(self: &Arc<Self>, permit: Permit<'_>, place: &Place) -> Result<Lease, Failure> {
        self.watch();
        let slot = self.slot(place);
        let turn = match tokio::time::timeout(WAIT_LIMIT, Arc::clone(&slot.turns).acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => {
                let text = format!("too much is being done at {} already: try again", place.destination.endpoint);
                return Err(Failure::new(FailureClass::Busy, text));
            }
        };
        let mut connection = slot.connection.lock().await;
        let idle = slot.idle.swap(0, Ordering::Relaxed);
        let revision = self.services.credentials.revision();
        if let Some(open) = connection.as_ref()
            && open.revision == revision
            && open.admin.is_usable()
            && (idle == 0 || open.admin.answers().await)
        {
            let admin = Arc::clone(&open.admin);
            drop(connection);
            return Ok(Lease { admin, slot, _turn: turn });
        }
        *connection = None;
        let admin = Arc::new(Admin::connect(&self.services, permit, place).await?);
        *connection = Some(Open { admin: Arc::clone(&admin), revision });
        drop(connection);
        Ok(Lease { admin, slot, _turn: turn })
    }

    /// As [`Pool::lease`], but on a new connection, which finds what an administrator has just changed there.
    ///
    /// # Errors
    /// As [`Pool::lease`].
    pub(super) async fn lease_anew(self: &Arc<Self>, permit: Permit<'_>, place: &Place) -> Result<Lease, Failure> {
        *self.slot(place).connection.lock().await = None;
        self.lease(permit, place).await
    }

    fn slot(&self, place: &Place) -> Arc<Slot> {
        let make = || {
            Arc::new(Slot {
                turns: Arc::new(Semaphore::new(COMMANDS_MOST)),
                connection: tokio::sync::Mutex::new(None),
                idle: AtomicU32::new(0),
            })
        };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(place.clone()).or_insert_with(make))
    }

    /// Starts, once, the task that lets idle connections go.
    fn watch(self: &Arc<Self>) {
        if self.watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool: Weak<Self> = Arc::downgrade(self);
        self.tasks.spawn("linux idle connections", async move {
            loop {
                tokio::time::sleep(TICK).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.tick();
            }
        });
    }

    /// One tick has passed. A place that is in use is left.
    fn tick(&self) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, slot| {
            if let Ok(connection) = slot.connection.try_lock()
                && let Some(open) = connection.as_ref()
            {
                open.admin.tick();
            }
            let in_use = slot.turns.available_permits() < COMMANDS_MOST || Arc::strong_count(slot) > 1;
            in_use || slot.idle.fetch_add(1, Ordering::Relaxed) + 1 < IDLE_TICKS
        });
    }
}

/// A turn on a connection.
pub(super) struct Lease {
    admin: Arc<Admin>,
    slot: Arc<Slot>,
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    /// What is known of the other end.
    pub(super) fn facts(&self) -> &Facts {
        &self.admin.facts
    }

    /// Whether the host lets this log-in reach ports through it.
    pub(super) async fn forwards(&self) -> bool {
        self.admin.forwards().await
    }

    /// Refuses when this is another host than the one that a change belongs to.
    ///
    /// # Errors
    /// [`FailureClass::IdentityChanged`].
    pub(super) fn require(&self, target: &mayfly_domain::TargetId) -> Result<(), Failure> {
        self.admin.require(target)
    }

    /// Runs a script as root. Where the connection may be to blame for a failure, nobody gets it any more.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) async fn run(&self, script: &Script, values: &[&str]) -> Result<Answer, Trouble> {
        let ran = self.admin.run(script, values).await;
        // A way to root that is not there any more is looked for anew.
        if matches!(ran, Err(Trouble::Lost | Trouble::Slow | Trouble::NotStarted | Trouble::NotBegun)) {
            let mut connection = self.slot.connection.lock().await;
            if connection.as_ref().is_some_and(|current| Arc::ptr_eq(&current.admin, &self.admin)) {
                *connection = None;
            }
        }
        ran
    }
}
