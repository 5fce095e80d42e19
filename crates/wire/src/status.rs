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
    /// Whether nothing new is opened because the server is about to be stopped.
    #[serde(default)]
    pub draining: bool,
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
    /// Who the caller has signed in as, if it is a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// When their sign-in ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_until: Option<String>,
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

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupAbout {
    /// The installation.
    pub installation: String,
    /// When it was made.
    pub made: String,
    /// The version of the server that made it.
    pub version: String,
    /// The version of the store's schema.
    pub schema: u32,
    /// The epoch of the store.
    pub epoch: u64,
    /// How many entries the audit trail has.
    pub entries: u64,
    /// How many sessions were not over.
    pub sessions: u64,
    /// How many changes on targets were not withdrawn.
    pub changes: u64,
    /// The fingerprint of the installation's key, without which nothing of it can be read.
    pub key: String,
}

/// The header of the answer to a request for a backup that holds a [`BackupAbout`] as JSON.
pub const BACKUP_ABOUT: &str = "mayfly-backup";

/// Makes the server open nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrainRequest {
    /// After how long what is still open is ended; never if not given.
    #[serde(default)]
    pub within_s: Option<u64>,
}

/// A drain that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrainAnswer {
    /// The sessions that run now.
    pub sessions: u64,
    /// When what is still open is ended, if ever.
    pub until: Option<String>,
}
