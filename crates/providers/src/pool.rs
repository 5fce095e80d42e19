//! Warm administrative connections: at most a few to each target, kept for a while after their last use. A connection that
//! was used for something that did not end in order is not used again.

use super::connection::Admin;
use crate::services::Services;
use mayfly_domain::{Failure, FailureClass, Permit, Place};
use mayfly_engine::Tasks;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections to one target at once, whatever the database (DESIGN §9).
const CONNECTIONS_MOST: usize = 4;
/// How long a command waits for one of them.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// An idle connection is let go after ten of these, five minutes; after one it is asked whether it still lives.
const TICK: Duration = Duration::from_secs(30);
const IDLE_TICKS: u32 = 10;

/// A place and a database there.
type Key = (Place, String);

/// The connections of all targets.
pub(crate) struct Pool {
    services: Services,
    tasks: Tasks,
    idle: Mutex<HashMap<Key, Vec<Idle>>>,
    places: Mutex<HashMap<Place, Arc<Semaphore>>>,
    watched: AtomicBool,
}

struct Idle {
    admin: Admin,
    /// That of the credentials before it was opened.
    revision: u64,
    ticks: u32,
}

impl Pool {
    pub(crate) fn new(services: Services) -> Arc<Self> {
        Arc::new(Self {
            services,
            tasks: Tasks::new(),
            idle: Mutex::default(),
            places: Mutex::default(),
            watched: AtomicBool::new(false),
        })
    }

    /// What the provider was given.
    pub(crate) const fn services(&self) -> &Services {
        &self.services
    }

    /// A connection to `database` at `place`, warm or new.
    ///
    /// # Errors
    /// `Busy` when none becomes free in time; otherwise what connecting ran into.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        permit: Permit<'_>,
        place: &Place,
        database: &str,
    ) -> Result<Lease, Failure> {
        self.watch();
        let places = Arc::clone(
            lock(&self.places).entry(place.clone()).or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_MOST))),
        );
        let turn = match tokio::time::timeout(WAIT_LIMIT, places.acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => {
                let text =
                    format!("all administrative connections to {} are in use: try again", place.destination.endpoint);
                return Err(Failure::new(FailureClass::Busy, text));
            }
        };
        let key = (place.clone(), database.to_owned());
        let revision = self.services.credentials.revision();
        while let Some(idle) = self.take_idle(&key) {
            let Idle { admin, ticks, .. } = idle;
            if idle.revision == revision && admin.is_usable() && (ticks == 0 || admin.run("").await.is_ok()) {
                return Ok(Lease { admin, revision, key, pool: Arc::clone(self), _turn: turn });
            }
        }
        let admin = Admin::connect(&self.services, &self.tasks, permit, place, database).await?;
        Ok(Lease { admin, revision, key, pool: Arc::clone(self), _turn: turn })
    }

    fn take_idle(&self, key: &Key) -> Option<Idle> {
        lock(&self.idle).get_mut(key)?.pop()
    }

    /// Starts, once, the task that lets idle connections go.
    fn watch(self: &Arc<Self>) {
        if self.watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool: Weak<Self> = Arc::downgrade(self);
        self.tasks.spawn("postgresql idle connections", async move {
            loop {
                tokio::time::sleep(TICK).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.tick();
            }
        });
    }

    /// One tick has passed.
    fn tick(&self) {
        lock(&self.idle).retain(|_, connections| {
            connections.iter_mut().for_each(|idle| idle.ticks += 1);
            connections.retain(|idle| idle.ticks < IDLE_TICKS && idle.admin.is_usable());
            !connections.is_empty()
        });
    }
}

/// The lock of a table that is never held across an await and whose holder cannot panic half-way.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection in use. Dropped, it is closed; [`Lease::give_back`] keeps it.
pub(crate) struct Lease {
    admin: Admin,
    revision: u64,
    key: Key,
    pool: Arc<Pool>,
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    /// Keeps the connection for the next command, unless it was left in doubt. Not for one whose session was changed.
    pub(crate) fn give_back(self) {
        if self.admin.is_usable() {
            let idle = Idle { admin: self.admin, revision: self.revision, ticks: 0 };
            lock(&self.pool.idle).entry(self.key).or_default().push(idle);
        }
    }
}

impl Deref for Lease {
    type Target = Admin;

    fn deref(&self) -> &Admin {
        &self.admin
    }
}
