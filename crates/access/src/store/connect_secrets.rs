//! The port of connect secrets, of which only verifiers are stored.

use crate::connect_secret::{ConnectSecret, ConnectSecretId};
use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{PersonName, RecordName, WallTime};

/// The store of connect secrets.
#[async_trait]
pub trait ConnectSecrets: Send + Sync + 'static {
    /// The connect secrets of this person for this record, expired or not, the newest first.
    async fn of(&self, person: &PersonName, record: &RecordName) -> Result<Vec<ConnectSecret>, StoreError>;

    /// Stores a connect secret with the events, in one transaction. Those of the same person and record go that expired at or before
    /// its issue, and the oldest beyond [`crate::connect_secret::MOST`].
    async fn put(&self, secret: ConnectSecret, events: Vec<Event>) -> Result<(), StoreError>;

    /// Counts one use of the connect secret with this id at `at`, with the events, in one transaction. `false` when it is
    /// not there any more, since others took its place or its person was deleted: nothing is written then, and the connection
    /// must not be opened.
    async fn used(&self, id: &ConnectSecretId, at: WallTime, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Deletes those that expired at or before `now`, and says how many.
    async fn delete_expired(&self, now: WallTime) -> Result<u64, StoreError>;
}
