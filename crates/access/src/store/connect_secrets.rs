//! The port of connect secrets, of which only verifiers are stored.

use crate::connect_secret::{ConnectSecret, ConnectSecretId};
use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{PersonName, RecordName, WallTime};

/// The store of connect secrets. There is at most one for each person and record.
#[async_trait]
pub trait ConnectSecrets: Send + Sync + 'static {
    /// The connect secret of this person for this record, expired or not; `None` when there is none.
    async fn get(&self, person: &PersonName, record: &RecordName) -> Result<Option<ConnectSecret>, StoreError>;

    /// Stores a connect secret in place of the one before for the same person and record, with the events, in one
    /// transaction.
    async fn put(&self, secret: ConnectSecret, events: Vec<Event>) -> Result<(), StoreError>;

    /// Counts one use of the connect secret with this id at `at`, with the events, in one transaction. `false` when it is
    /// not there any more, since another replaced it or its person was deleted: nothing is written then, and the connection
    /// must not be opened.
    async fn used(&self, id: &ConnectSecretId, at: WallTime, events: Vec<Event>) -> Result<bool, StoreError>;

    /// Deletes those that expired at or before `now`, and says how many.
    async fn delete_expired(&self, now: WallTime) -> Result<u64, StoreError>;
}
