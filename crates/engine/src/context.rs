//! What every part of the engine shares: the ports, the settings, and the small tables of what is under way in this process.
//! Nothing here is the truth about a target or a session; the ledger is, and after a crash all of this is gone.

use crate::lanes::Lanes;
use crate::outbox::Outbox;
use crate::places::Launches;
use crate::ports::clock::Clock;
use crate::ports::ledger::Ledger;
use crate::ports::provider::{Provider, Providers};
use crate::queue::TargetQueue;
use crate::registry::Registry;
use crate::settings::Settings;
use crate::sync::lock;
use crate::tasks::Tasks;
use mayfly_domain::{BootTime, ChangeId, Entropy, Failure, FailureClass, InstallationId, Prefix, RunId, TargetId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Notify, Semaphore};

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
    /// Random bytes.
    pub entropy: Box<dyn Entropy + Send>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) providers: Arc<dyn Providers>,
    pub(crate) tasks: Tasks,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) registry: Registry,
    pub(crate) outbox: Outbox,
    pub(crate) launches: Launches,
    /// Wakes the reconciler.
    pub(crate) wake: Notify,
    /// Bounds the passes in flight over all targets.
    pub(crate) passes: Arc<Semaphore>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    queues: Mutex<BTreeMap<TargetId, Arc<TargetQueue>>>,
    /// Changes that a pass of this process is working on.
    in_flight: Mutex<BTreeSet<ChangeId>>,
    /// Targets that answer again and whose debts have not been looked at since.
    returned: Mutex<BTreeSet<TargetId>>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, identity: Identity, ports: Ports) -> Arc<Self> {
        Arc::new(Self {
            passes: Arc::new(Semaphore::new(settings.passes)),
            launches: Launches::new(&settings),
            settings,
            identity,
            clock: ports.clock,
            ledger: ports.ledger,
            providers: ports.providers,
            tasks: Tasks::new(),
            lanes: Arc::default(),
            registry: Registry::default(),
            outbox: Outbox::default(),
            wake: Notify::new(),
            entropy: Mutex::new(ports.entropy),
            queues: Mutex::default(),
            in_flight: Mutex::default(),
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

    /// The queue of a target.
    pub(crate) fn queue(self: &Arc<Self>, target: &TargetId, provider: &str) -> Result<Arc<TargetQueue>, Failure> {
        if let Some(queue) = lock(&self.queues).get(target) {
            return Ok(Arc::clone(queue));
        }
        let provider = self.provider(provider)?;
        let mut queues = lock(&self.queues);
        let queue = queues
            .entry(target.clone())
            .or_insert_with(|| Arc::new(TargetQueue::new(target.clone(), provider, Arc::clone(self))));
        Ok(Arc::clone(queue))
    }

    /// The targets whose breaker is open and not due for a probe, and the moment of the next probe among all.
    pub(crate) fn closed_targets(&self) -> (Vec<TargetId>, Option<BootTime>) {
        let now = self.clock.boot();
        let queues = lock(&self.queues);
        let (mut closed, mut next) = (Vec::new(), None);
        for (target, queue) in queues.iter() {
            match queue.breaker() {
                (true, Some(probe)) if probe > now => {
                    closed.push(target.clone());
                    next = Some(next.map_or(probe, |earlier: BootTime| earlier.min(probe)));
                }
                // A probe is under way: its outcome wakes the reconciler.
                (true, None) => closed.push(target.clone()),
                _ => {}
            }
        }
        (closed, next)
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

    /// Claims a change for a pass; `None` when another pass of this process works on it.
    pub(crate) fn claim(self: &Arc<Self>, change: &ChangeId) -> Option<Claim> {
        lock(&self.in_flight).insert(change.clone()).then(|| Claim { shared: Arc::clone(self), change: change.clone() })
    }
}

/// A pass's claim on a change, given back when dropped.
pub(crate) struct Claim {
    shared: Arc<Shared>,
    change: ChangeId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.shared.in_flight).remove(&self.change);
    }
}
