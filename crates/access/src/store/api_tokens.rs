//! The port of tokens of the API, of which only hashes are stored.

use crate::api_token::ApiToken;
use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::ApiTokenId;
use mayfly_domain::audit::Event;

/// How the making of a token ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueOutcome {
    /// It is stored.
    Stored,
    /// Another token that has not expired has its name; nothing is stored.
    NameTaken(ApiTokenId),
}

/// The store of tokens.
#[async_trait]
pub trait ApiTokens: Send + Sync + 'static {
    /// The token with this id, expired or not; `None` when there is none.
    async fn get(&self, id: &ApiTokenId) -> Result<Option<ApiToken>, StoreError>;

    /// At most `limit` tokens in the order of their ids, those after `after` only; expired ones too.
    async fn list(&self, after: Option<&ApiTokenId>, limit: u32) -> Result<Vec<ApiToken>, StoreError>;

    /// Stores a new token with the events, in one transaction, and drops those that expired at or before its issue.
    async fn put(&self, token: ApiToken, events: Vec<Event>) -> Result<IssueOutcome, StoreError>;

    /// Takes a token back with the events, in one transaction. `false` when there is none with this id: nothing is written
    /// then.
    async fn revoke(&self, id: &ApiTokenId, events: Vec<Event>) -> Result<bool, StoreError>;
}
