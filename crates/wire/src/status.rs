//! The server's own state.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who the server is and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// The installation.
    pub installation: String,
    /// This run of the server.
    pub run: String,
    /// Whether the server acts, or only observes since its store may not be the one that counts.
    #[serde(default)]
    pub mode: Mode,
    /// Counts how often it was said which copy of the store acts.
    #[serde(default)]
    pub epoch: u64,
    /// Whether new sessions may be opened, and why not.
    pub ready: bool,
    /// What keeps the server from being ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unready: Vec<String>,
    /// Sessions that run here.
    pub sessions: u64,
    /// Changes that are still owed to a target.
    pub cleanup_pending: u64,
    /// How many of these can still log in, as far as is known; an unknown one counts.
    pub cleanup_can_log_in: u64,
    /// Accounts that the last searches of targets found, that are ours to remove, and that nobody ignores.
    #[serde(default)]
    pub orphans: u64,
    /// The lockdowns that hold: `all`, `person:NAME` or `record:NAME`. Only administrators are told, since names are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lockdowns: Vec<String>,
    /// Whether the caller may administer, at the local socket or by a token with the scope `read`.
    pub administrator: bool,
}

/// What a server does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Opens sessions and takes out what is owed.
    #[default]
    Acting,
    /// Reads and reports, and changes nothing anywhere.
    Observing,
}

/// Makes a copy of the store that is only observed the one that acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivateRequest {
    /// Why it is this one, for the trail.
    pub reason: String,
}

/// What has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivateAnswer {
    /// The epoch.
    pub epoch: u64,
    /// Why the store was only observed until now.
    pub doubts: Vec<String>,
}
