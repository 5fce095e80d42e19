//! The ports through which people, records, sealed secrets, connect secrets, tokens, lockdowns and answers are stored. They are
//! coarse: each call is one transaction, and what it changes commits together with its audit events or not at all.

mod answers;
mod api_tokens;
mod connect_secrets;
mod key_rotations;
mod lockdowns;
mod objects;
mod orphans;
mod person_tokens;
mod secrets;
mod webhooks;

pub use answers::{Answer, Answers};
pub use api_tokens::{ApiTokens, IssueOutcome};
pub use connect_secrets::ConnectSecrets;
pub use key_rotations::{KeyRotation, KeyRotations, Resealed};
pub use lockdowns::{HeldLockdown, Lockdowns};
pub use objects::{ApplyOutcome, Batch, Objects, Snapshot};
pub use orphans::{Claim, Ignored, Orphan, Orphans, Scanned};
pub use person_tokens::PersonTokens;
pub use secrets::{Bound, SealedSecret, SecretOutcome, Secrets};
pub use webhooks::{Waiting, Webhook, Webhooks};

/// Why the store did not answer. An expected refusal is an outcome, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be written or read now. Nothing was changed, unless the text says that this is unknown.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What was read is not what this program writes: damaged, or written by a newer program.
    #[error("the store holds what cannot be read: {0}")]
    Unreadable(String),
}
