//! The lockdowns that hold, in memory, so that a lockdown works at once and also while the store does not answer.

use mayfly_access::store::{Held, Lockdowns as _, StoreError};
use mayfly_domain::Lockdown;
use mayfly_store::Store;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lockdowns that hold.
#[derive(Debug, Default)]
pub(crate) struct Lockdowns(Mutex<Vec<Held>>);

impl Lockdowns {
    /// Those that the store holds.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing must be opened.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(store.held().await?)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a lockdown hold from now on, in place of one of the same kind.
    pub(crate) fn hold(&self, held: Held) {
        let mut all = self.lock();
        all.retain(|known| known.lockdown != held.lockdown);
        all.push(held);
    }

    /// Lets a lockdown hold no more. `false` when it did not.
    pub(crate) fn lift(&self, lockdown: &Lockdown) -> bool {
        let mut all = self.lock();
        let before = all.len();
        all.retain(|known| known.lockdown != *lockdown);
        all.len() < before
    }

    /// Those that hold.
    pub(crate) fn held(&self) -> Vec<Held> {
        let mut held = self.lock().clone();
        held.sort_by(|one, other| one.lockdown.cmp(&other.lockdown));
        held
    }

    /// Whom they concern.
    pub(crate) fn kinds(&self) -> Vec<Lockdown> {
        self.lock().iter().map(|held| held.lockdown.clone()).collect()
    }
}
