//! The targets on which something is written off, in memory, so that a launch need not ask the ledger.

use crate::sync::lock;
use mayfly_domain::{BootTime, TargetId};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The targets on which something is written off, and when they are looked for again.
#[derive(Debug, Default)]
pub(crate) struct WrittenOff(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    targets: BTreeSet<TargetId>,
    next_look: Option<BootTime>,
}

impl WrittenOff {
    /// Whether something is written off there.
    pub(crate) fn holds(&self, target: &TargetId) -> bool {
        lock(&self.0).targets.contains(target)
    }

    /// From now on something is written off on these.
    pub(crate) fn add(&self, targets: impl IntoIterator<Item = TargetId>) {
        lock(&self.0).targets.extend(targets);
    }

    /// Nothing is any more.
    pub(crate) fn remove(&self, target: &TargetId) {
        lock(&self.0).targets.remove(target);
    }

    /// The targets to look for now, if it is time.
    pub(crate) fn due(&self, now: BootTime, next: BootTime) -> Vec<TargetId> {
        let mut inner = lock(&self.0);
        if inner.targets.is_empty() || inner.next_look.is_some_and(|at| now < at) {
            return Vec::new();
        }
        inner.next_look = Some(next);
        inner.targets.iter().cloned().collect()
    }
}
