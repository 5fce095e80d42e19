//! The port of sealed secrets of user records. The store sees only what the vault made of them.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{Destination, RecordName, WallTime};

/// What a secret was sealed for: the record that it serves and where it may be sent. It says so in the clear, for messages
/// and for binding the secret anew; what holds is what the vault sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The machine or database.
    pub resource: RecordName,
    /// Where the secret may be sent.
    pub destination: Destination,
}

/// A sealed secret of a user record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The user record.
    pub user: RecordName,
    /// What the vault made, to be kept byte for byte.
    pub sealed: Vec<u8>,
    /// What it was sealed for; `None` for one that was sealed before this was kept.
    pub bound: Option<Bound>,
    /// When it was set, by our wall clock.
    pub set_at: WallTime,
    /// Who set it, as the trail names them.
    pub set_by: String,
}

/// How the setting of a secret ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOutcome {
    /// It is durable, and so are its events.
    Stored,
    /// There is no user record of that name: nothing was written.
    NoSuchRecord,
}

/// The store of sealed secrets.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The sealed secret of a user record; `None` when none was set.
    async fn get(&self, user: &RecordName) -> Result<Option<SealedSecret>, StoreError>;

    /// Which user records have a secret, in the order of their names, with when it was set and by whom; the sealed bytes are
    /// read too, since the start checks that each opens with the installation's key.
    async fn all(&self) -> Result<Vec<SealedSecret>, StoreError>;

    /// Stores the secret of a user record in place of the one before, with the events, in one transaction. It goes away only
    /// with its user record, by [`crate::store::Objects::apply`].
    async fn put(&self, secret: SealedSecret, events: Vec<Event>) -> Result<SecretOutcome, StoreError>;
}
