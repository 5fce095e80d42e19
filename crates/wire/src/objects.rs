//! Declarative objects.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A set of objects to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplyRequest {
    /// YAML documents, one object each, in which no `{file: …}` stands any more: the client has put the files' texts there.
    pub documents: String,
    /// Objects to delete, as `Kind/name`.
    #[serde(default)]
    pub delete: Vec<String>,
    /// Labels: every object that has all of them and is not in the set is deleted too. Every object of the set has to have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prune: BTreeMap<String, String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which objects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct ObjectQuery {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those that hold this text, in whatever case, in their name, their summary or a label as `key=value`.
    pub q: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most items wanted; the server gives at most 500.
    pub limit: Option<u32>,
}

/// Which objects to write out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct ExportQuery {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
}

/// What applying came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplyAnswer {
    /// The revision of the whole set after it; of the set as it is, where it was asked what would be done.
    pub revision: u64,
    /// What happened to each object, in the order given.
    pub objects: Vec<Applied>,
    /// What to do next, in words: a credential that has no secret yet, or one whose destination changed.
    pub notes: Vec<String>,
}

/// What happened to one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// `Kind/name`.
    pub object: String,
    /// What was done, or would be.
    pub action: Action,
    /// The object before, as YAML; only where it was asked what would be done, and something would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The object after, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Created,
    /// It differed.
    Updated,
    /// It was like that already.
    Unchanged,
    /// It is gone.
    Deleted,
}

/// One object in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listed {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// One line about it: an address, an e-mail, the resource that a credential belongs to.
    pub summary: String,
    /// For user records: whether a secret is set.
    pub has_secret: Option<bool>,
}

/// Where the stored secret of a user record is to be sent from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebindRequest {
    /// What the secret is to be bound to, as an answer without it names it; nothing is done where the record leads elsewhere by
    /// now. Without it nothing is done either.
    pub to: Option<String>,
}

/// What a stored secret is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebindAnswer {
    /// The user record.
    pub name: String,
    /// The record, host, port and trust for which it was set.
    pub was: String,
    /// Those to which the records lead now.
    pub now: String,
    /// Whether the secret is bound to these.
    pub bound: bool,
}

/// A secret to keep for a user record.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretRequest {
    /// The secret.
    pub secret: String,
}
