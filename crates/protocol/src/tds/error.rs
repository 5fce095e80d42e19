//! What can be wrong with bytes, and with values that are to become bytes. No error holds content of a message.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A length is above the cap, or too small for what it has to hold. The number is what the peer claims.
    #[error("length {0} is not allowed")]
    Length(u64),
    /// A message ends before a field that has to be there, or an offset points beyond its end.
    #[error("message ends too early")]
    Truncated,
    /// A message goes on after its last field.
    #[error("message has bytes left over")]
    Trailing,
    /// There are more items in a list than the cap allows.
    #[error("message has too many items")]
    TooMany,
    /// An item stands twice in a list in which it may stand once, or the list does not begin as it has to.
    #[error("list of options is not in order")]
    Order,
    /// A text is not UTF-16.
    #[error("text is not UTF-16")]
    Text,
    /// The peer speaks a version of the protocol before 7.1.
    #[error("protocol version {0:#010x} is not supported")]
    Version(u32),
    /// A field has a value that the protocol does not define.
    #[error("field has an undefined value")]
    Value,
    /// A packet of this type is not expected here.
    #[error("packet of type {0:#04x} is not expected here")]
    PacketType(u8),
    /// A token of this kind is not known here, so that its end cannot be found.
    #[error("token {0:#04x} is not known")]
    Token(u8),
    /// A column or parameter has a type that is not read here.
    #[error("data type {0:#04x} is not read here")]
    DataType(u8),
}

/// Why a value cannot be written as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A field or the message is longer than the protocol or its cap allows.
    #[error("field or message is too long")]
    TooLong,
    /// Flags say something else than the fields that are there.
    #[error("flags do not fit the fields")]
    Flags,
    /// The protocol's version is before 7.1, or does not have such a message.
    #[error("protocol version is not supported")]
    Version,
    /// A value is not of its column's type.
    #[error("value is not of the type of its column")]
    Type,
}
