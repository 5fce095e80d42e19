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
    /// The lockdowns that hold: `all`, `person:NAME` or `record:NAME`. Only administrators are told, since names are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lockdowns: Vec<String>,
    /// Whether the caller may administer, at the local socket or by a token with the scope `read`.
    pub administrator: bool,
}
