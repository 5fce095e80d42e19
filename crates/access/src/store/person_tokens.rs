//! The port of the tokens of people who have signed in, of which only hashes are stored.

use crate::person_token::PersonToken;
use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::PersonTokenId;
use mayfly_domain::audit::Event;

/// The store of people's tokens. They go with what they rest on, in the same transaction: all of a person when the person is switched
/// off, gets another password or none, is deleted or locked down; all there are when everybody is locked down, and with a new epoch.
#[async_trait]
pub trait PersonTokens: Send + Sync + 'static {
    /// The token with this id, expired or not; `None` when there is none.
    async fn person_token(&self, id: &PersonTokenId) -> Result<Option<PersonToken>, StoreError>;

    /// Stores a new token with the events, in one transaction, if the person still has the password hash by which they proved
    /// themselves, is not switched off, and no lockdown locks them out; `false` when not: nothing is written then. Drops those that
    /// expired at or before its issue, and the oldest of the person beyond [`crate::person_token::MOST`].
    async fn put_person_token(
        &self,
        token: PersonToken,
        proved_by: &str,
        events: Vec<Event>,
    ) -> Result<bool, StoreError>;

    /// Takes a token back with the events, in one transaction. `false` when there is none with this id: nothing is written then.
    async fn revoke_person_token(&self, id: &PersonTokenId, events: Vec<Event>) -> Result<bool, StoreError>;
}
