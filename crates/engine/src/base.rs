//! What every part of the engine stands on: the ports, the settings, who this engine is, and its tasks.

use crate::ports::clock::Clock;
use crate::ports::ledger::Ledger;
use crate::ports::provider::{Provider, Providers};
use crate::ports::trace::{Moment, Tracer};
use crate::settings::Settings;
use crate::sync::lock;
use crate::tasks::Tasks;
use futures_util::FutureExt;
use mayfly_domain::{Entropy, Failure, FailureClass, InstallationId, Prefix, RunId, SessionId, TargetId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// Who this engine is: what its marks and events carry.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The installation.
    pub installation: InstallationId,
    /// This run of the server.
    pub run: RunId,
    /// What the names of accounts start with.
    pub prefix: Prefix,
}

/// The world as the engine reaches it.
pub struct Ports {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The providers.
    pub providers: Arc<dyn Providers>,
    /// Whom to tell of steps that are over.
    pub tracer: Arc<dyn Tracer>,
    /// Random bytes.
    pub entropy: Box<dyn Entropy + Send>,
}

/// What this process knows of a session beyond its row, until it is closed. After a restart that is nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// When somebody asked for it.
    pub(crate) asked: Moment,
    /// How its launch failed, if it did.
    pub(crate) failure: Option<FailureClass>,
}

/// The ground that every part stands on.
pub(crate) struct Base {
    pub(crate) settings: Settings,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) tracer: Arc<dyn Tracer>,
    pub(crate) tasks: Tasks,
    /// Wakes the reconciler.
    pub(crate) wake: Notify,
    providers: Arc<dyn Providers>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    /// Sessions on their way out, for their traces.
    pub(crate) ending: Mutex<BTreeMap<SessionId, Known>>,
    /// How often credentials were changed.
    credentials: AtomicU64,
    /// Targets that answer again and whose debts have not been looked at since.
    returned: Mutex<BTreeSet<TargetId>>,
}

impl Base {
    pub(crate) fn new(settings: Settings, identity: Identity, ports: Ports) -> Arc<Self> {
        Arc::new(Self {
            settings,
            identity,
            clock: ports.clock,
            ledger: ports.ledger,
            tracer: ports.tracer,
            tasks: Tasks::new(),
            wake: Notify::new(),
            providers: ports.providers,
            entropy: Mutex::new(ports.entropy),
            ending: Mutex::default(),
            credentials: AtomicU64::new(0),
            returned: Mutex::default(),
        })
    }

    /// The source of randomness, for as long as the guard lives; never across an await.
    pub(crate) fn entropy(&self) -> MutexGuard<'_, Box<dyn Entropy + Send>> {
        lock(&self.entropy)
    }

    /// The provider of that name.
    pub(crate) fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, Failure> {
        self.providers.provider(name).ok_or_else(|| {
            Failure::new(
                FailureClass::Bug,
                format!("this build has no provider `{name}`: start the build that wrote this"),
            )
        })
    }

    /// Runs a provider's work within its time and behind a wall: what it does not answer is missing from the answers, and
    /// whoever waits lives on.
    pub(crate) async fn guarded<T>(&self, about: &impl Display, work: impl Future<Output = Vec<T>>) -> Vec<T> {
        let limit = self.clock.boot().plus(self.settings.command_limit);
        tokio::select! {
            biased;
            results = AssertUnwindSafe(work).catch_unwind() => results.unwrap_or_else(|_| {
                tracing::error!(target_id = %about, "A provider panicked");
                Vec::new()
            }),
            () = self.clock.sleep_until(limit) => {
                tracing::error!(target_id = %about, "A provider did not answer within its limit");
                Vec::new()
            }
        }
    }

    /// Waits for a batch; once it takes longer than what comes after it shall wait, says so to `past`, which then lets that go.
    pub(crate) async fn patiently(&self, batch: impl Future<Output = ()>, past: impl FnOnce()) {
        let mut batch = pin!(batch);
        let patience = self.clock.boot().plus(self.settings.patience);
        tokio::select! {
            biased;
            () = &mut batch => return,
            () = self.clock.sleep_until(patience) => past(),
        }
        batch.await;
    }

    /// How often credentials were changed: what was refused before the last time says nothing of those that hold now.
    pub(crate) fn credentials(&self) -> u64 {
        self.credentials.load(Ordering::Acquire)
    }

    /// Notes that credentials were changed.
    pub(crate) fn credentials_changed(&self) {
        self.credentials.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that a target answers again.
    pub(crate) fn returned(&self, target: &TargetId) {
        lock(&self.returned).insert(target.clone());
        self.wake.notify_one();
    }

    /// The targets that answer again since the last call.
    pub(crate) fn take_returned(&self) -> BTreeSet<TargetId> {
        std::mem::take(&mut *lock(&self.returned))
    }
}
