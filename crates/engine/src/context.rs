//! The small tables of what is under way in this process, beside the ground that they stand on. Nothing here is the truth
//! about a target or a session; the ledger is, and after a crash all of this is gone.

use crate::base::{Base, Identity, Ports};
use crate::lanes::Lanes;
use crate::outbox::Outbox;
use crate::places::Launches;
use crate::queue::{Queue, TargetQueue};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::surveys::Surveys;
use crate::sync::lock;
use crate::written_off::WrittenOff;
use mayfly_domain::{BootTime, ChangeId, Failure, TargetId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

pub(crate) struct Shared {
    base: Arc<Base>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) registry: Registry,
    pub(crate) outbox: Outbox,
    pub(crate) launches: Launches,
    pub(crate) surveys: Arc<Surveys>,
    pub(crate) written_off: WrittenOff,
    /// Bounds the passes in flight over all targets.
    pub(crate) passes: Arc<Semaphore>,
    queues: Mutex<BTreeMap<TargetId, Arc<TargetQueue>>>,
    /// Changes that a pass of this process is working on.
    in_flight: Mutex<BTreeSet<ChangeId>>,
}

impl Deref for Shared {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings, identity: Identity, ports: Ports) -> Arc<Self> {
        let launches = Launches::new(&settings);
        let passes = Arc::new(Semaphore::new(settings.passes));
        let base = Base::new(settings, identity, ports);
        Arc::new(Self {
            lanes: Arc::default(),
            registry: Registry::default(),
            outbox: Outbox::default(),
            launches,
            surveys: Surveys::new(Arc::clone(&base)),
            written_off: WrittenOff::default(),
            passes,
            base,
            queues: Mutex::default(),
            in_flight: Mutex::default(),
        })
    }

    /// The queue of a target.
    pub(crate) fn queue(&self, target: &TargetId, provider: &str) -> Result<Arc<TargetQueue>, Failure> {
        if let Some(queue) = lock(&self.queues).get(target) {
            return Ok(Arc::clone(queue));
        }
        let provider = self.provider(provider)?;
        let mut queues = lock(&self.queues);
        let queue = queues
            .entry(target.clone())
            .or_insert_with(|| Arc::new(TargetQueue::new(target.clone(), provider, Arc::clone(&self.base))));
        Ok(Arc::clone(queue))
    }

    /// Credentials were changed: what was refused for want of the right ones is tried again at once, on every target.
    pub(crate) fn credentials_changed(&self) {
        self.base.credentials_changed();
        for queue in lock(&self.queues).values() {
            queue.credentials_changed();
        }
    }

    /// What waits for each target that was worked with.
    pub(crate) fn queues(&self) -> Vec<Queue> {
        lock(&self.queues).values().map(|queue| queue.told()).collect()
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
