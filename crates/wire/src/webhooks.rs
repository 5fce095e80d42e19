//! Webhooks: receivers of events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A receiver that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookRequest {
    /// What it is called.
    pub name: String,
    /// Where events are posted: an address that begins with `https://`.
    pub url: String,
    /// The kinds of events that it gets, such as `session.started`; `session` stands for all of a session, `*` for everything.
    pub kinds: Vec<String>,
    /// Whether its name may lead to an address that is not public.
    #[serde(default)]
    pub allow_private: bool,
}

/// A receiver, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// What it is called.
    pub name: String,
    /// The host to which events are posted, with its port. The rest of the address may be a secret, and is not shown.
    pub endpoint: String,
    /// The kinds of events that it gets.
    pub kinds: Vec<String>,
    /// Whether its name may lead to an address that is not public.
    pub allow_private: bool,
    /// Why it gets nothing now; null when it does.
    pub disabled: Option<String>,
    /// How many events wait for it.
    pub waiting: u64,
    /// Why the first of them was not taken.
    pub failure: Option<String>,
    /// Whether the secret before signs too.
    pub two_secrets: bool,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: String,
}

/// The secret of a receiver.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct WebhookSecret {
    /// Whose it is.
    pub name: String,
    /// The secret, as Standard Webhooks writes it. Shown once.
    pub secret: String,
}

/// What becomes of the secret before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotateRequest {
    /// No new secret: the one before signs no more.
    #[serde(default)]
    pub finish: bool,
}
