//! Lockdowns: the start of one, and those that hold.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A lockdown that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockdownRequest {
    /// `all`, `person:NAME` or `record:NAME`.
    pub lockdown: String,
    /// Why, for those who are cut and for the trail.
    pub reason: String,
}

/// A lockdown that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lockdown {
    /// `all`, `person:NAME` or `record:NAME`.
    pub lockdown: String,
    /// Why.
    pub reason: String,
    /// Who started it.
    pub by: String,
    /// Since when.
    pub since: String,
}

/// How the start of a lockdown went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockdownAnswer {
    /// The lockdown.
    #[serde(flatten)]
    pub lockdown: Lockdown,
    /// How many sessions are being ended.
    pub ended: u64,
    /// Whether it is written down; if not, it holds only as long as this server runs.
    pub recorded: bool,
}
