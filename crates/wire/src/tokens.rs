//! Tokens of the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// What it is called.
    pub name: String,
    /// What it may be used for: `read`, `audit`, `objects`, `secrets`, `credential.rebind`, `records`, `sessions`, `cleanup`.
    pub scopes: Vec<String>,
    /// For how long; at most 366 days, and 24 hours when absent.
    pub valid_s: Option<u64>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was given out.
    pub issued_at: String,
    /// From when on it is refused.
    pub expires_at: String,
    /// Who made it.
    pub made_by: String,
}

/// A new token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// What it is.
    #[serde(flatten)]
    pub token: Token,
    /// The token itself, for `Authorization: Bearer …`. Shown once; only its hash is kept.
    pub secret: String,
}
