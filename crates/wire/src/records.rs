//! Checks of records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A check that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckRequest {
    /// Another address of the server's machine, from which an ephemeral account must not get in.
    pub second_address: Option<String>,
}

/// How one step of trying a record out went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Went {
    /// As it should.
    Well,
    /// It failed.
    Wrong,
    /// This kind of target has no such step here.
    NotTried,
}

/// One step of trying a record out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExerciseStep {
    /// Its name, as traces have it.
    pub step: String,
    /// How long it took, in microseconds.
    pub took_us: Option<u64>,
    /// How it went.
    pub went: Went,
    /// What was done, or what went wrong. It names no host.
    pub what: String,
    /// Commands that show what to do where it went wrong.
    pub next: Vec<String>,
}

/// What came of trying a record out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExerciseAnswer {
    /// The record.
    pub record: String,
    /// The kind of target, by its provider's name.
    pub kind: String,
    /// The version of the server.
    pub version: String,
    /// Whether everything went well and nothing is left.
    pub passed: bool,
    /// How long it took together, in microseconds.
    pub took_us: u64,
    /// The session, as the trail names it; `None` when it came to none.
    pub session: Option<String>,
    /// The account that it used.
    pub account: Option<String>,
    /// The steps, in their order.
    pub steps: Vec<ExerciseStep>,
}

/// The helper of a target is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HelpersRequest {
    /// The address from which the target sees the server come; `None` lets the server find out.
    pub from: Option<String>,
}

/// What installs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HelpersAnswer {
    /// The record.
    pub record: String,
    /// A shell script, to be run on the target as root.
    pub script: String,
}

/// A pin that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinRequest {
    /// The identity that the administrator confirmed; `None` only asks who answers.
    pub identity: Option<String>,
}

/// Who answers at a record's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinAnswer {
    /// The record.
    pub record: String,
    /// The address.
    pub endpoint: String,
    /// The server that answers there now, as it identifies itself.
    pub identity: String,
    /// The server on which sessions of this address are opened, and no other; `None` when there is none yet.
    pub pinned: Option<String>,
}

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something needed is not there.
    Missing,
    /// More is allowed than is needed.
    Excess,
    /// It could not be tried.
    NotTried,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// How it is to be taken.
    pub level: Level,
    /// A sentence.
    pub what: String,
    /// The statements or configuration lines that set it right, in their order.
    pub fix: Vec<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckAnswer {
    /// The record.
    pub record: String,
    /// The findings, in the order in which they were looked at.
    pub findings: Vec<Finding>,
    /// What happens to a session's account if Mayfly is destroyed now, in words.
    pub if_destroyed: String,
}
