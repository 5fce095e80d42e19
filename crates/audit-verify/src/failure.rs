//! Why a verification came to no good end.

use crate::finding::Finding;
use crate::source::ReadError;

/// Why a trail was not verified.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something is wrong with it.
    #[error(transparent)]
    Found(#[from] Finding),
    /// It could not be read.
    #[error("it cannot be read")]
    Unreadable(#[from] ReadError),
}
