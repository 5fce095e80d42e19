//! Declarative objects.

use serde::{Deserialize, Serialize};

/// A set of objects to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyRequest {
    /// YAML documents, one object each, in which no `{file: …}` stands any more: the client has put the files' texts there.
    pub documents: String,
    /// Objects to delete, as `Kind/name`.
    #[serde(default)]
    pub delete: Vec<String>,
}

/// What applying came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyAnswer {
    /// The revision of the whole set after it.
    pub revision: u64,
    /// What happened to each object, in the order given.
    pub objects: Vec<Applied>,
    /// What to do next, in words: a credential that has no secret yet, or one whose destination changed.
    pub notes: Vec<String>,
}

/// What happened to one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// `Kind/name`.
    pub object: String,
    /// What was done.
    pub action: Action,
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
    /// One line about it: an address, an e-mail, the resource that a credential belongs to.
    pub summary: String,
    /// For user records: whether a secret is set.
    pub has_secret: Option<bool>,
}

/// A secret to keep for a user record.
#[derive(Clone, Serialize, Deserialize)]
pub struct SecretRequest {
    /// The secret.
    pub secret: String,
}
