//! What somebody who helps from afar needs to know of a server: texts, each a file of the bundle that the command line makes of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the server tells of itself. Names of people, records, accounts and hosts are in it; a secret, a key or what one is checked
/// against never is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportAnswer {
    /// The files, in the order in which they are read best.
    pub files: Vec<SupportFile>,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportFile {
    /// Its name, without a folder. `.json` says that it is JSON.
    pub name: String,
    /// What is in it, in a line.
    pub about: String,
    /// What is in it, or why that could not be found out.
    pub text: String,
}
