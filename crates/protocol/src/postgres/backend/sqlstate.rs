//! SQLSTATE codes (PostgreSQL manual, appendix "PostgreSQL Error Codes").

use std::fmt;

use crate::postgres::DecodeError;

/// A code of five characters, each a digit or an upper-case letter.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// `08001`: the target could not be reached.
    pub const UNABLE_TO_CONNECT: Self = Self(*b"08001");
    /// `08004`: the connection was refused by policy.
    pub const CONNECTION_REJECTED: Self = Self(*b"08004");
    /// `08006`: the connection failed.
    pub const CONNECTION_FAILURE: Self = Self(*b"08006");
    /// `08P01`: the peer broke the protocol.
    pub const PROTOCOL_VIOLATION: Self = Self(*b"08P01");
    /// `0A000`: what was asked for is not supported.
    pub const FEATURE_NOT_SUPPORTED: Self = Self(*b"0A000");
    /// `28000`: this user may not connect so.
    pub const INVALID_AUTHORIZATION: Self = Self(*b"28000");
    /// `28P01`: wrong password, or no such user; the two are not told apart.
    pub const INVALID_PASSWORD: Self = Self(*b"28P01");
    /// `3D000`: there is no such database.
    pub const INVALID_CATALOG_NAME: Self = Self(*b"3D000");
    /// `42501`: not permitted.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self(*b"42501");
    /// `53300`: too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(*b"53300");
    /// `57014`: the query was cancelled.
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// `57P01`: the session is ended by an administrator.
    pub const ADMIN_SHUTDOWN: Self = Self(*b"57P01");
    /// `57P03`: no connections are accepted now.
    pub const CANNOT_CONNECT_NOW: Self = Self(*b"57P03");
    /// `57P05`: the session was idle for too long.
    pub const IDLE_SESSION_TIMEOUT: Self = Self(*b"57P05");
    /// `00000`: success; the code of notices that have none of their own.
    pub const SUCCESS: Self = Self(*b"00000");
    /// `XX000`: a fault of ours.
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");

    /// The code with these characters.
    ///
    /// # Errors
    /// [`DecodeError::Value`] if they are not five digits or upper-case letters.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let code: [u8; 5] = text.as_bytes().try_into().map_err(|_| DecodeError::Value)?;
        let valid = code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if valid { Ok(Self(code)) } else { Err(DecodeError::Value) }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructors let only ASCII in, so that the fallback is never used.
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
        assert_eq!(SqlState::parse("28P01"), Ok(SqlState::INVALID_PASSWORD));
        assert_eq!(SqlState::INVALID_PASSWORD.to_string(), "28P01");
        for text in ["", "28p01", "28P0", "28P011", "28P0é", "28P0\0"] {
            assert_eq!(SqlState::parse(text), Err(DecodeError::Value), "{text}");
        }
    }
}
