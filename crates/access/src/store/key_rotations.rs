//! The port of the exchange of the installation's key: secrets are sealed anew in batches, and how far that has come is written
//! with each, so that it goes on where it was cut short.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{RecordName, WallTime};

/// An exchange that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// The fingerprint of the key before.
    pub from: String,
    /// The fingerprint of the new key.
    pub to: String,
    /// The last user record, in the order of their names, whose secret is sealed by the new key; `None` before the first.
    pub cursor: Option<RecordName>,
    /// Since when, by our wall clock.
    pub begun: WallTime,
}

/// A secret that was sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The user record.
    pub user: RecordName,
    /// What was stored: where something else is by now, it is left.
    pub before: Vec<u8>,
    /// What is stored instead.
    pub after: Vec<u8>,
}

/// The store of what is known of the exchange of keys.
#[async_trait]
pub trait KeyRotations: Send + Sync + 'static {
    /// The exchange that is under way, if one is.
    async fn rotation(&self) -> Result<Option<KeyRotation>, StoreError>;

    /// Writes down that an exchange begins, with the events, in one transaction. `false` when one is under way already:
    /// nothing is written then.
    async fn begin(&self, rotation: KeyRotation, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Stores what was sealed anew, and how far that has come, in one transaction.
    async fn reseal(&self, resealed: Vec<Resealed>, cursor: Option<RecordName>) -> Result<(), StoreError>;

    /// Writes down that the exchange is over, with the events, in one transaction. `false` when none was under way: nothing is
    /// written then.
    async fn end(&self, events: Vec<Event>) -> Result<bool, StoreError>;
}
