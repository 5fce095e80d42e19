//! Targets: where they are known to be, what is owed to them, and that one was written off.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which targets are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct TargetQuery {
    /// Only this one: its identity, or the name of a record that leads to it.
    pub target: Option<String>,
}

/// A target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// As it identifies itself.
    pub target: String,
    /// Where it is known to be, and where what is owed to it was made.
    pub endpoints: Vec<String>,
    /// The records that lead there.
    pub records: Vec<String>,
    /// Sessions that are open there.
    pub sessions: u64,
    /// Changes that are still owed.
    pub withdrawing: u64,
    /// How many of these may still log in; one of which that is not known counts.
    pub can_log_in: u64,
    /// Changes that stay by policy.
    pub kept: u64,
    /// Changes that are written off.
    pub written_off: u64,
    /// Every time that it was written off, the newest first.
    pub write_offs: Vec<WriteOff>,
}

/// That a target was written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WriteOff {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
    /// When it answered again, if it did.
    pub returned: Option<String>,
}

/// A target that no longer exists is to be written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WriteOffRequest {
    /// Its identity, or the name of a record that leads to it.
    pub target: String,
    /// Why.
    pub reason: String,
}

/// A target was written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WriteOffAnswer {
    /// The target, as it is now.
    pub target: Target,
    /// How many changes were written off.
    pub changes: u64,
    /// What looking for it at its address ran into.
    pub seen: Vec<String>,
}
