//! People, switched off and on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a person is switched off or on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SwitchRequest {
    /// The reason, for the trail and, when they are switched off, for the person.
    pub reason: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SwitchAnswer {
    /// The person.
    pub person: String,
    /// Whether they are switched off now.
    pub disabled: bool,
    /// How many sessions of theirs are being ended.
    pub ended: u64,
    /// Whether it is written down; if not, it holds only as long as this server runs.
    pub recorded: bool,
}
