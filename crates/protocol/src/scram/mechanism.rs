//! The two mechanisms, and which of them to offer.

use super::ScramError;

/// A SASL mechanism of the SCRAM family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-256-PLUS`: with channel binding.
    ScramSha256Plus,
}

impl Mechanism {
    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// The mechanism of this name.
    ///
    /// # Errors
    /// [`ScramError::Mechanism`] if it is neither.
    pub fn from_name(name: &str) -> Result<Self, ScramError> {
        [Self::ScramSha256, Self::ScramSha256Plus]
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
            .ok_or(ScramError::Mechanism)
    }
}

/// The names that a server offers, the preferred one first. `channel_binding` is whether it can bind to the channel:
/// the connection is TLS and the hash of its certificate is known.
#[must_use]
pub fn offer(channel_binding: bool) -> &'static [&'static str] {
    const BOTH: [&str; 2] = [Mechanism::ScramSha256Plus.name(), Mechanism::ScramSha256.name()];
    if channel_binding { &BOTH } else { &BOTH[1..] }
}
