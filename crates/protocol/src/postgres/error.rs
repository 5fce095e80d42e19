//! What can be wrong with a message: one error for decoding, one for encoding. Neither ever quotes content, because
//! content of a handshake can be a password.

/// Why bytes are not the message that they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The length field is outside what the protocol or the caller's cap allows. The number is the length field's.
    #[error("message length {0} is not allowed")]
    Length(u32),
    /// The message ends before a field that has to be there.
    #[error("message ends too early")]
    Truncated,
    /// The message goes on after its last field.
    #[error("message has bytes left over")]
    Trailing,
    /// A string has no terminating zero byte.
    #[error("string is not terminated")]
    Unterminated,
    /// A string that has to be UTF-8 is not.
    #[error("string is not UTF-8")]
    NotUtf8,
    /// There are more items (parameters, mechanisms, options, fields) than the cap allows.
    #[error("message has too many items")]
    TooMany,
    /// A start-up parameter that decides who connects to what stands there twice.
    #[error("start-up parameter is given twice")]
    DuplicateParameter,
    /// The first packet asks for a protocol whose major version is not 3.
    #[error("protocol {major}.{minor} is not supported")]
    Version {
        /// The major version asked for.
        major: u16,
        /// The minor version asked for.
        minor: u16,
    },
    /// A cancel key is shorter than 4 or longer than 256 bytes, or not 4 bytes long in protocol 3.0.
    #[error("cancel key of {0} bytes is not allowed")]
    CancelKey(usize),
    /// An authentication request has a code that the protocol does not define.
    #[error("authentication request {0} is unknown")]
    Authentication(u32),
    /// A field has a value that the protocol does not define.
    #[error("field has an undefined value")]
    Value,
    /// A message of this type is not expected here.
    #[error("message type {:?} is not expected here", char::from(*.0))]
    UnexpectedType(u8),
}

/// Why a value cannot be written as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string contains a zero byte, which would end it early for the reader.
    #[error("string contains a zero byte")]
    Nul,
    /// A name is empty, which the reader would take for the end of a list.
    #[error("name is empty")]
    Empty,
    /// The message would be longer than the protocol allows.
    #[error("message is too long")]
    TooLong,
    /// The value can be decoded but is never sent by us.
    #[error("message is only recognised, never sent")]
    Unsupported,
}
