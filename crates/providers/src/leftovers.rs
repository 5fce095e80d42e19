//! What becomes of what an ephemeral account leaves on a target that knows who owns or defined a thing.

use serde::{Deserialize, Serialize};

/// What becomes of what an account owns when it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Leftovers {
    /// It is handed to a role that cannot log in and has no other right.
    Graveyard,
    /// It is dropped; what others depend on, and databases and tablespaces, go to the graveyard.
    Drop,
    /// The account stays, closed, as long as it owns something.
    Keep,
}
