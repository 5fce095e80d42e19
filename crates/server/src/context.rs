//! What the parts of the server share: narrow handles, built once in `wire_up`.

use crate::clock::OsClock;
use crate::drain::Drain;
use crate::entropy::OsEntropy;
use crate::lockdowns::Lockdowns;
use crate::taps::Taps;
use crate::user_authority::UserAuthorities;
use mayfly_access::objects::{Object, ObjectId, Person, Record, UserRecord};
use mayfly_access::signin::{Held, Locked, Signins, Source};
use mayfly_access::store::{Objects, StoreError};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{PersonName, Prefix, RecordName, RunId};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{Entry, Ledger, LedgerError};
use mayfly_engine::{Engine, Tasks};
use mayfly_providers::Registry;
use mayfly_store::Store;
use mayfly_vault::Vault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// The server's shared handles.
pub(crate) struct Context {
    /// The clock.
    pub(crate) clock: Arc<OsClock>,
    /// The store.
    pub(crate) store: Arc<Store>,
    /// The vault.
    pub(crate) vault: Arc<Vault>,
    /// The engine.
    pub(crate) engine: Engine,
    /// The providers.
    pub(crate) providers: Arc<Registry>,
    /// The tasks of listeners and brokers.
    pub(crate) tasks: Tasks,
    /// This run.
    pub(crate) run: RunId,
    /// What the names of accounts start with.
    pub(crate) prefix: Prefix,
    /// The authorities with whose certificates sessions log in to hosts.
    pub(crate) authorities: UserAuthorities,
    /// Whom to tell how long steps took.
    pub(crate) tracer: Arc<Taps>,
    /// The lockdowns that hold.
    pub(crate) lockdowns: Lockdowns,
    /// Told when the copy of the store that was observed acts from now on.
    pub(crate) activated: Notify,
    /// Whether the server is being drained.
    pub(crate) drain: Drain,
    /// One place for whoever makes a backup.
    pub(crate) backups: Arc<Semaphore>,
    /// The counts of failed sign-ins.
    signins: Mutex<Signins>,
}

/// The handles that a [`Context`] is made of.
pub(crate) struct Parts {
    /// See [`Context::clock`].
    pub(crate) clock: Arc<OsClock>,
    /// See [`Context::store`].
    pub(crate) store: Arc<Store>,
    /// See [`Context::vault`].
    pub(crate) vault: Arc<Vault>,
    /// See [`Context::engine`].
    pub(crate) engine: Engine,
    /// See [`Context::providers`].
    pub(crate) providers: Arc<Registry>,
    /// See [`Context::tasks`].
    pub(crate) tasks: Tasks,
    /// See [`Context::run`].
    pub(crate) run: RunId,
    /// See [`Context::prefix`].
    pub(crate) prefix: Prefix,
    /// See [`Context::lockdowns`].
    pub(crate) lockdowns: Lockdowns,
    /// See [`Context::authorities`].
    pub(crate) authorities: UserAuthorities,
    /// See [`Context::tracer`].
    pub(crate) tracer: Arc<Taps>,
}

impl Context {
    /// The context of a run.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            clock: parts.clock,
            store: parts.store,
            vault: parts.vault,
            engine: parts.engine,
            providers: parts.providers,
            tasks: parts.tasks,
            run: parts.run,
            prefix: parts.prefix,
            lockdowns: parts.lockdowns,
            authorities: parts.authorities,
            tracer: parts.tracer,
            activated: Notify::new(),
            drain: Drain::default(),
            backups: Arc::new(Semaphore::new(1)),
            signins: Mutex::new(Signins::new()),
        })
    }

    /// The counts of failed sign-ins; never held across an await.
    pub(crate) fn signins(&self) -> MutexGuard<'_, Signins> {
        self.signins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event of this server, now.
    pub(crate) fn event(&self, kind: EventKind, actor: impl Into<String>) -> Event {
        Event::new(kind, self.clock.wall(), self.run.clone(), actor)
    }

    /// Writes events, durably.
    ///
    /// # Errors
    /// [`LedgerError`] when the trail cannot be written: then what they are about must not go on.
    pub(crate) async fn record(&self, events: Vec<Event>) -> Result<(), LedgerError> {
        self.store.commit(Entry { writes: Vec::new(), events }).await
    }

    /// The person of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn person(&self, name: &PersonName) -> Result<Option<Person>, StoreError> {
        let found = Objects::get(&*self.store, &ObjectId::Person(name.clone())).await?;
        Ok(match found {
            Some(Object::Person(person)) => Some(person),
            _ => None,
        })
    }

    /// The resource of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn resource(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        for id in [ObjectId::Database(name.clone()), ObjectId::Machine(name.clone())] {
            match Objects::get(&*self.store, &id).await? {
                Some(Object::Database(record)) => return Ok(Some(Record::Database(record))),
                Some(Object::Machine(record)) => return Ok(Some(Record::Machine(record))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether there is a directory record of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn is_directory(&self, name: &RecordName) -> Result<bool, StoreError> {
        Ok(Objects::get(&*self.store, &ObjectId::Directory(name.clone())).await?.is_some())
    }

    /// The user record of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn user(&self, name: &RecordName) -> Result<Option<UserRecord>, StoreError> {
        let found = Objects::get(&*self.store, &ObjectId::User(name.clone())).await?;
        Ok(match found {
            Some(Object::User(user)) => Some(user),
            _ => None,
        })
    }

    /// Random bytes for what the server itself makes.
    pub(crate) const fn entropy(&self) -> OsEntropy {
        OsEntropy
    }

    /// The events that say that sign-ins are held off from now on.
    pub(crate) fn lock_events(&self, locks: Vec<Locked>) -> Vec<Event> {
        let worded = |lock| {
            let mut event = self.event(EventKind::SigninLocked, "server");
            match lock {
                Locked::Account(person) => event.person = Some(person),
                Locked::Source(source) => event = event.with("source", source),
            }
            event.reason = Some("too many sign-ins have failed".to_owned());
            event
        };
        locks.into_iter().map(worded).collect()
    }

    /// Counts an attempt that was held off, and says why in the log.
    pub(crate) fn held_off(&self, held: &Held, source: Source) {
        tracing::info!(%source, reason = ?held, "A sign-in was held off");
        self.signins().refuse(source, self.clock.wall());
    }
}
