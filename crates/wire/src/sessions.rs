//! Sessions: those that are not ended, and the end of one.

use crate::cleanup::Owed;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// What it opens.
    pub record: String,
    /// The target, as it identifies itself.
    pub target: String,
    /// The account that it uses there.
    pub account: String,
    /// `launching`, `live`, `ending` or `ended`.
    pub state: String,
    /// When it was launched.
    pub opened_at: String,
    /// When it has to be over.
    pub deadline: String,
    /// Since when it is in its state; of one that is over, since when.
    pub since: String,
    /// Why it ends, once it is ending.
    pub end_reason: Option<String>,
}

/// Which sessions to list. Times are RFC 3339.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct SessionQuery {
    /// Also those that are over.
    #[serde(default)]
    pub over: bool,
    /// Only those that used this account.
    pub account: Option<String>,
    /// Only those of this person.
    pub person: Option<String>,
    /// Only those of this record.
    pub record: Option<String>,
    /// Only those that were not over before then.
    pub from: Option<String>,
    /// Only those that had begun by then.
    pub until: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most items wanted; the server gives at most 500.
    pub limit: Option<u32>,
}

/// Everything that is known of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Story {
    /// The session.
    pub session: Session,
    /// What it changed on targets, and where that stands.
    pub changes: Vec<Owed>,
    /// The entries of the trail that concern it, in order, each in its canonical text.
    pub entries: Vec<String>,
    /// Whether there are more entries than are given.
    pub more: bool,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndRequest {
    /// Why, for the person and the trail.
    pub reason: Option<String>,
}

/// How the end went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndAnswer {
    /// The session.
    pub id: String,
    /// Whether everything of it was seen to be gone. If not, it is tried again for ever; `cleanup ls` shows it.
    pub clean: bool,
    /// What was not seen to be gone when the answer was given, which does not wait for a target that does not answer.
    #[serde(default)]
    pub owed: Vec<Owed>,
}
