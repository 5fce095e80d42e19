//! The errors that a broker sends itself, under the numbers that clients know (MySQL error reference).

use super::SqlState;

/// A number and the SQLSTATE that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number, as in `ERROR 1045`.
    pub number: u16,
    /// The SQLSTATE.
    pub state: SqlState,
}

impl ErrorCode {
    /// `ER_CON_COUNT_ERROR`: too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self::new(1040, *b"08004");
    /// `ER_HANDSHAKE_ERROR`: the peer broke the protocol before it was logged in.
    pub const HANDSHAKE: Self = Self::new(1043, *b"08S01");
    /// `ER_ACCESS_DENIED_ERROR`: wrong password, or no such user; the two are not told apart.
    pub const ACCESS_DENIED: Self = Self::new(1045, *b"28000");
    /// `ER_UNKNOWN_COM_ERROR`: the command is refused.
    pub const UNKNOWN_COMMAND: Self = Self::new(1047, *b"08S01");
    /// `ER_SERVER_SHUTDOWN`: the session is ended by an administrator or by its deadline.
    pub const SERVER_SHUTDOWN: Self = Self::new(1053, *b"08S01");
    /// `ER_UNKNOWN_ERROR`: anything else, such as a target that cannot be reached. The text says what.
    pub const UNKNOWN: Self = Self::new(1105, *b"HY000");
    /// `ER_NOT_SUPPORTED_AUTH_MODE`: the client does not speak the protocol of MySQL 4.1, or none of the plugins.
    pub const NOT_SUPPORTED_AUTH_MODE: Self = Self::new(1251, *b"08004");
    /// `ER_SECURE_TRANSPORT_REQUIRED`: the client logs in without TLS.
    pub const SECURE_TRANSPORT_REQUIRED: Self = Self::new(3159, *b"HY000");

    const fn new(number: u16, state: [u8; 5]) -> Self {
        Self { number, state: SqlState::known(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_codes() {
        for code in [
            ErrorCode::TOO_MANY_CONNECTIONS,
            ErrorCode::HANDSHAKE,
            ErrorCode::ACCESS_DENIED,
            ErrorCode::UNKNOWN_COMMAND,
            ErrorCode::SERVER_SHUTDOWN,
            ErrorCode::UNKNOWN,
            ErrorCode::NOT_SUPPORTED_AUTH_MODE,
            ErrorCode::SECURE_TRANSPORT_REQUIRED,
        ] {
            assert_eq!(SqlState::parse(code.state.as_bytes()), Ok(code.state));
        }
    }
}
