//! SQLSTATE codes in `ERR` packets.

use std::fmt;

use crate::mysql::DecodeError;

/// A code of five characters, each a digit or an upper-case letter.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// `HY000`: an error that has no class of its own.
    pub const GENERAL: Self = Self(*b"HY000");

    /// A code that is written down here.
    pub(super) const fn known(code: [u8; 5]) -> Self {
        Self(code)
    }

    /// The code with these characters.
    ///
    /// # Errors
    /// [`DecodeError::Value`] if they are not five digits or upper-case letters.
    pub fn parse(text: &[u8]) -> Result<Self, DecodeError> {
        let code: [u8; 5] = text.try_into().map_err(|_| DecodeError::Value)?;
        let valid = code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if valid { Ok(Self(code)) } else { Err(DecodeError::Value) }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructors let only ASCII in, so that the fallback is never used.
        std::str::from_utf8(&self.0).unwrap_or("HY000")
    }

    /// The code as it stands on the wire.
    pub(super) fn as_bytes(&self) -> &[u8; 5] {
        &self.0
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_parse() {
        assert_eq!(SqlState::parse(b"HY000"), Ok(SqlState::GENERAL));
        assert_eq!(format!("{:?}", SqlState::GENERAL), "HY000");
        for text in [&b""[..], b"hy000", b"HY00", b"HY0000", b"HY00\0", b"HY00\xff"] {
            assert_eq!(SqlState::parse(text), Err(DecodeError::Value), "{text:?}");
        }
    }
}
