//! The messages that a client may meet up to the first `ReadyForQuery`, told apart by their type byte.

use crate::postgres::{DecodeError, ProtocolVersion};

use super::{
    Authentication, BackendKeyData, ErrorFields, NegotiateProtocolVersion, ParameterStatus, ReadyForQuery, tag,
};

/// A message of a server during the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendMessage<'a> {
    /// A step of authentication.
    Authentication(Authentication<'a>),
    /// The process id and the cancel key.
    BackendKeyData(BackendKeyData),
    /// The server refuses.
    Error(ErrorFields),
    /// The server speaks an older minor version.
    NegotiateProtocolVersion(NegotiateProtocolVersion<'a>),
    /// The server remarks something.
    Notice(ErrorFields),
    /// A setting.
    ParameterStatus(ParameterStatus<'a>),
    /// The handshake is over.
    ReadyForQuery(ReadyForQuery),
}

impl<'a> BackendMessage<'a> {
    /// Decodes one message. `version` is the version in force: the one asked for, until a
    /// [`NegotiateProtocolVersion`] names another.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedType`] for messages that do not belong to a handshake; otherwise the error of the
    /// message's own decoder.
    pub fn decode(tag: u8, body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        match tag {
            tag::AUTHENTICATION => Authentication::decode(body).map(Self::Authentication),
            tag::BACKEND_KEY_DATA => BackendKeyData::decode(body, version).map(Self::BackendKeyData),
            tag::ERROR_RESPONSE => ErrorFields::decode(body).map(Self::Error),
            tag::NEGOTIATE_PROTOCOL_VERSION => {
                NegotiateProtocolVersion::decode(body).map(Self::NegotiateProtocolVersion)
            }
            tag::NOTICE_RESPONSE => ErrorFields::decode(body).map(Self::Notice),
            tag::PARAMETER_STATUS => ParameterStatus::decode(body).map(Self::ParameterStatus),
            tag::READY_FOR_QUERY => ReadyForQuery::decode(body).map(Self::ReadyForQuery),
            other => Err(DecodeError::UnexpectedType(other)),
        }
    }
}
