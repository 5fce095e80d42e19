//! Sessions: those that are not ended, and the end of one.

use crate::cleanup::Owed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A session that is not ended.
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
    /// `launching`, `live` or `ending`.
    pub state: String,
    /// When it was launched.
    pub opened_at: String,
    /// When it has to be over.
    pub deadline: String,
    /// Why it ends, once it is ending.
    pub end_reason: Option<String>,
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
