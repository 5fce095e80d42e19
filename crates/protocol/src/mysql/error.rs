//! What can be wrong with a packet: one error for decoding, one for encoding. Neither ever quotes content, because
//! content of a handshake can be a password.

/// Why bytes are not the packet that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A length is above the cap. The number is the length that the peer claims.
    #[error("length {0} is not allowed")]
    Length(u64),
    /// The packet ends before a field that has to be there.
    #[error("packet ends too early")]
    Truncated,
    /// The packet goes on after its last field.
    #[error("packet has bytes left over")]
    Trailing,
    /// A string has no terminating zero byte.
    #[error("string is not terminated")]
    Unterminated,
    /// There are more connection attributes than the cap allows.
    #[error("packet has too many items")]
    TooMany,
    /// A packet does not have the number that follows the last one.
    #[error("packet has number {got} and not {expected}")]
    Sequence {
        /// The number that it should have.
        expected: u8,
        /// The number that it has.
        got: u8,
    },
    /// The server's greeting is not of protocol 10.
    #[error("protocol {0} is not supported")]
    Version(u8),
    /// The peer does not speak the protocol of MySQL 4.1 and its authentication, or wants to go back behind it.
    #[error("peer speaks only the protocol before MySQL 4.1")]
    TooOld,
    /// A nonce is not 20 bytes long, or has a zero byte in it.
    #[error("nonce is not allowed")]
    Nonce,
    /// A field has a value that the protocol does not define.
    #[error("field has an undefined value")]
    Value,
    /// A packet that begins with this byte is not expected here.
    #[error("packet of type {0:#04x} is not expected here")]
    UnexpectedType(u8),
}

/// Why a value cannot be written as a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string contains a zero byte, which would end it early for the reader.
    #[error("string contains a zero byte")]
    Nul,
    /// A field or the packet is longer than the protocol or its cap allows.
    #[error("field or packet is too long")]
    TooLong,
    /// A capability is set that is never ours, or one does not fit the fields that are there.
    #[error("capability flags are not allowed")]
    Capabilities,
}
