//! Warm administrative connections: at most a few to each target, kept for a while after their last use. A connection that
//! was used for something that did not end in order is not used again.

use crate::services::Services;
use async_trait::async_trait;
use mayfly_domain::{Failure, FailureClass, Permit, Place};
use mayfly_engine::Tasks;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a command waits for one of them.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// An idle connection is let go after ten of these, five minutes; after one it is asked whether it still lives.
const TICK: Duration = Duration::from_secs(30);
const IDLE_TICKS: u32 = 10;

/// A place and what a connection there is for: the database that it has open, or the kind of work.
type Key = (Place, String);

/// A connection that can be kept.
#[async_trait]
pub(crate) trait Admin: Sized + Send + Sync + 'static {
    /// How many there are at once to one target (DESIGN §9).
    const MOST: usize;
    /// What the task that lets idle ones go is called.
    const TASK: &'static str;

    /// Among which that number is counted: all of a target's, or those with the same purpose.
    fn counted_with(purpose: &str) -> &str;

    /// Opens one.
    async fn open(
        services: &Services,
        tasks: &Tasks,
        permit: Permit<'_>,
        place: &Place,
        purpose: &str,
    ) -> Result<Self, Failure>;

    /// Whether it can serve another command.
    fn is_usable(&self) -> bool;

    /// Whether the other side still answers.
    async fn answers(&self) -> bool;
}

/// The connections of all targets.
pub(crate) struct Pool<A> {
    services: Services,
    tasks: Tasks,
    idle: Mutex<HashMap<Key, Vec<Idle<A>>>>,
    turns: Mutex<HashMap<Key, Arc<Semaphore>>>,
    watched: AtomicBool,
}

struct Idle<A> {
    admin: A,
    /// That of the credentials before it was opened.
    revision: u64,
    ticks: u32,
}

impl<A: Admin> Pool<A> {
    pub(crate) fn new(services: Services) -> Arc<Self> {
        Arc::new(Self {
            services,
            tasks: Tasks::new(),
            idle: Mutex::default(),
            turns: Mutex::default(),
            watched: AtomicBool::new(false),
        })
    }

    /// The tasks of what is opened here.
    pub(crate) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// What the provider was given.
    pub(crate) const fn services(&self) -> &Services {
        &self.services
    }

    /// A connection for `purpose` at `place`, warm or new.
    ///
    /// # Errors
    /// `Busy` when none becomes free in time; otherwise what connecting ran into.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        permit: Permit<'_>,
        place: &Place,
        purpose: &str,
    ) -> Result<Lease<A>, Failure> {
        self.watch();
        let counted = (place.clone(), A::counted_with(purpose).to_owned());
        let turns = Arc::clone(lock(&self.turns).entry(counted).or_insert_with(|| Arc::new(Semaphore::new(A::MOST))));
        let turn = match tokio::time::timeout(WAIT_LIMIT, turns.acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => {
                let text =
                    format!("all administrative connections to {} are in use: try again", place.destination.endpoint);
                return Err(Failure::new(FailureClass::Busy, text));
            }
        };
        let key = (place.clone(), purpose.to_owned());
        let revision = self.services.credentials.revision();
        while let Some(idle) = self.take_idle(&key) {
            let Idle { admin, ticks, .. } = idle;
            if idle.revision == revision && admin.is_usable() && (ticks == 0 || admin.answers().await) {
                return Ok(Lease { admin, revision, key, pool: Arc::clone(self), _turn: turn });
            }
        }
        let admin = A::open(&self.services, &self.tasks, permit, place, purpose).await?;
        Ok(Lease { admin, revision, key, pool: Arc::clone(self), _turn: turn })
    }

    fn take_idle(&self, key: &Key) -> Option<Idle<A>> {
        lock(&self.idle).get_mut(key)?.pop()
    }

    /// Starts, once, the task that lets idle connections go.
    fn watch(self: &Arc<Self>) {
        if self.watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool: Weak<Self> = Arc::downgrade(self);
        self.tasks.spawn(A::TASK, async move {
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
pub(crate) struct Lease<A: Admin> {
    admin: A,
    revision: u64,
    key: Key,
    pool: Arc<Pool<A>>,
    _turn: OwnedSemaphorePermit,
}

impl<A: Admin> Lease<A> {
    /// Keeps the connection for the next command, unless it was left in doubt. Not for one whose session was changed.
    pub(crate) fn give_back(self) {
        if self.admin.is_usable() {
            let idle = Idle { admin: self.admin, revision: self.revision, ticks: 0 };
            lock(&self.pool.idle).entry(self.key).or_default().push(idle);
        }
    }
}

impl<A: Admin> Deref for Lease<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.admin
    }
}
