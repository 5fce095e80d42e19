//! Signing in for a time: a person's token, in place of their password.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person who signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginRequest {
    /// Who.
    pub person: String,
    /// Their sign-in password.
    pub password: String,
}

/// A sign-in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginAnswer {
    /// Its id, as the trail names it.
    pub id: String,
    /// Who has signed in.
    pub person: String,
    /// The token, for `Authorization: Bearer …`: for what is this person's own, and nothing else. Shown once; only its hash is kept.
    pub secret: String,
    /// From when on it is refused.
    pub expires_at: String,
}
