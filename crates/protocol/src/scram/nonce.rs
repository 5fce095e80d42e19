//! Nonces, whose randomness comes from the caller.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{ScramError, message};

/// One side's part of the nonce. Use each once, and make it from at least 18 random bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// How many random bytes PostgreSQL uses.
    pub const RANDOM_LEN: usize = 18;

    /// The nonce made of these random bytes, in base64.
    #[must_use]
    pub fn from_bytes(random: &[u8; Self::RANDOM_LEN]) -> Self {
        Self(STANDARD.encode(random))
    }

    /// A nonce that is text already, as in published examples.
    ///
    /// # Errors
    /// [`ScramError::Malformed`] if it is empty, too long, or has anything but printable ASCII without the comma.
    pub fn from_text(text: &str) -> Result<Self, ScramError> {
        message::check_nonce(text).map(|text| Self(text.to_owned()))
    }

    /// The nonce as it stands in messages.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
