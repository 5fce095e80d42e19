//! The port of answers that are kept for whoever asks the same again.

use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::WallTime;

/// The answer to a request that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose request under which key, hashed.
    pub key: [u8; 32],
    /// What was asked, hashed.
    pub request: [u8; 32],
    /// The status of the answer.
    pub status: u16,
    /// Its JSON body; `None` when it is not kept.
    pub body: Option<Vec<u8>>,
    /// When it was given, by our wall clock.
    pub at: WallTime,
}

/// The store of answers.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// The answer under this key, if it was given after `since`.
    async fn answer(&self, key: &[u8; 32], since: WallTime) -> Result<Option<Answer>, StoreError>;

    /// Keeps an answer, in place of an older one under the same key, and drops those that were given at or before `since`.
    async fn keep_answer(&self, answer: Answer, since: WallTime) -> Result<(), StoreError>;
}
