//! The port of lockdowns.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{Lockdown, WallTime};

/// A lockdown that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLockdown {
    /// Whom it concerns.
    pub lockdown: Lockdown,
    /// Why.
    pub reason: String,
    /// Who started it, as the trail names them.
    pub by: String,
    /// Since when, by our wall clock.
    pub since: WallTime,
}

/// The store of lockdowns.
#[async_trait]
pub trait Lockdowns: Send + Sync + 'static {
    /// Every lockdown that holds.
    async fn held(&self) -> Result<Vec<HeldLockdown>, StoreError>;

    /// Starts a lockdown with the events, in one transaction; the reason of one that holds already is replaced.
    async fn hold(&self, held: HeldLockdown, events: Vec<Event>) -> Result<(), StoreError>;

    /// Lifts a lockdown with the events, in one transaction. `false` when it did not hold: nothing is written then.
    async fn lift(&self, lockdown: &Lockdown, events: Vec<Event>) -> Result<bool, StoreError>;
}
