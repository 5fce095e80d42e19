//! Why a value could not be sealed or opened. Every reason has a name of its own and says what to do; an empty secret is
//! never the answer.

use crate::key::Fingerprint;

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The bytes are no envelope of a version that this program knows. They are not taken for clear text.
    #[error("the stored value is not sealed, or by a newer version: it is not used; set the secret again")]
    NotSealed,
    /// Another key sealed the value.
    #[error("the wrong installation key is in use: expected {expected}, found {found}; start with the key {expected}")]
    WrongKey {
        /// The key that is needed.
        expected: Fingerprint,
        /// The key that was given.
        found: Fingerprint,
    },
    /// The sealed record key does not open: it was altered, or copied from another row.
    #[error(
        "the sealed value was altered in the store, or belongs to another row: set the secret again and find out who wrote there"
    )]
    Tampered,
    /// The value does not open for this destination and record. The cipher cannot tell the two causes apart.
    #[error(
        "the destination of this credential (host, port, trust or record) changed since its secret was set, or the sealed value was altered: set the secret again"
    )]
    DestinationChanged,
    /// The secret is longer than an envelope holds.
    #[error("the secret is longer than {most} bytes")]
    TooLong {
        /// The limit in bytes.
        most: usize,
    },
}
