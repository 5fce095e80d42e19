//! What is still owed to a target, or was left there by policy.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a change is undone by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manual {
    /// The change.
    pub id: String,
    /// A shell script, to be run by an administrator of the target.
    pub script: String,
}

/// One change that needs somebody's eye.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Owed {
    /// The change.
    pub id: String,
    /// `account`, `membership`, `companion` or `trace`.
    pub kind: String,
    /// The session that it was made for.
    pub session: String,
    /// Sessions that hold it, for a membership.
    pub held_by: Vec<String>,
    /// The target, as it identifies itself.
    pub target: String,
    /// Where it is administered.
    pub endpoint: String,
    /// The account.
    pub account: String,
    /// The group or role.
    pub group: Option<String>,
    /// `withdrawing`, `kept` or `written_off`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Whether the account can still log in; `None` when that is not known.
    pub can_log_in: Option<bool>,
    /// How many passes have failed in a row.
    pub tries: u32,
    /// When it is tried again.
    pub next_try: Option<String>,
    /// The class of the last failure.
    pub failure_class: Option<String>,
    /// What the last pass ran into, in words.
    pub failure: Option<String>,
    /// Who can set it right, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}
