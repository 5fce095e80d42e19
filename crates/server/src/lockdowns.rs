//! The lockdowns that hold, in memory, so that a lockdown works at once and also while the store does not answer.

use mayfly_access::store::{HeldLockdown, Lockdowns as _, StoreError};
use mayfly_domain::{Lockdown, PersonName};
use mayfly_store::Store;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lockdowns that hold, and the people who are being switched off.
#[derive(Debug, Default)]
pub(crate) struct Lockdowns(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    held: Vec<HeldLockdown>,
    /// Once for each request that is switching them off, and for each that could not be written down.
    off: Vec<PersonName>,
}

impl Lockdowns {
    /// Those that the store holds.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing must be opened.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(Inner { held: store.held().await?, off: Vec::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a lockdown hold from now on, in place of one of the same kind.
    pub(crate) fn hold(&self, held: HeldLockdown) {
        let mut inner = self.lock();
        inner.held.retain(|known| known.lockdown != held.lockdown);
        inner.held.push(held);
    }

    /// Lets a lockdown hold no more.
    pub(crate) fn lift(&self, lockdown: &Lockdown) {
        self.lock().held.retain(|known| known.lockdown != *lockdown);
    }

    /// Those that hold.
    pub(crate) fn held(&self) -> Vec<HeldLockdown> {
        let mut held = self.lock().held.clone();
        held.sort_by(|one, other| one.lockdown.cmp(&other.lockdown));
        held
    }

    /// A person opens nothing from now on, whatever the store says of them yet.
    pub(crate) fn switch_off(&self, person: &PersonName) {
        self.lock().off.push(person.clone());
    }

    /// The store says it now.
    pub(crate) fn switched_off(&self, person: &PersonName) {
        let mut inner = self.lock();
        if let Some(place) = inner.off.iter().position(|known| known == person) {
            inner.off.swap_remove(place);
        }
    }

    /// A person was switched on again; what could not be written down of them before is over.
    pub(crate) fn switched_on(&self, person: &PersonName) {
        self.lock().off.retain(|known| known != person);
    }

    /// Whom all of these concern.
    pub(crate) fn concerned(&self) -> Vec<Lockdown> {
        let inner = self.lock();
        let off = inner.off.iter().cloned().map(Lockdown::Person);
        inner.held.iter().map(|held| held.lockdown.clone()).chain(off).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::WallTime;

    /// Whoever switches a person off while somebody locks them down must not lift that with it.
    #[test]
    fn switching_off_and_locking_down_do_not_undo_each_other() {
        let alice = PersonName::parse("alice").unwrap();
        let lockdown = Lockdown::Person(alice.clone());
        let (reason, by) = ("stolen".to_owned(), "uid:0".to_owned());
        let held = HeldLockdown { lockdown: lockdown.clone(), reason, by, since: WallTime::from_micros(0) };
        let lockdowns = Lockdowns::default();
        lockdowns.switch_off(&alice);
        lockdowns.switch_off(&alice);
        lockdowns.hold(held);
        lockdowns.switched_off(&alice);
        assert_eq!(lockdowns.concerned(), [lockdown.clone(), lockdown.clone()]);
        lockdowns.switched_on(&alice);
        assert_eq!(lockdowns.concerned(), std::slice::from_ref(&lockdown));
        lockdowns.lift(&lockdown);
        assert_eq!(lockdowns.concerned(), []);
    }
}
