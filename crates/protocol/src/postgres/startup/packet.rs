//! Tells the kinds of first packet apart.

use crate::postgres::{DecodeError, ProtocolVersion, read::Reader};

use super::{CANCEL_REQUEST, CancelRequest, GSSENC_REQUEST, Parameters, SSL_REQUEST, StartupMessage};

/// The longest body of a first packet, in bytes behind the length field: the server's own `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_BODY_LEN: usize = 10_000;

/// The largest length field of a first packet: [`MAX_BODY_LEN`] and the field's own four bytes.
pub(super) const MAX_LENGTH: u32 = 10_004;

/// The first packet that a client sends, or the next one after an answered request for encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket {
    /// The client asks for TLS. It waits for one byte, `S` or `N`, and sends another first packet then.
    SslRequest,
    /// The client asks for GSSAPI encryption. It waits for one byte, `G` or `N`, and sends another first packet then.
    GssEncRequest,
    /// The client asks to cancel a query of another connection. There is no answer; the connection is closed.
    Cancel(CancelRequest),
    /// The client starts a session.
    Startup(StartupMessage),
}

/// How many bytes follow the length field `field` of a first packet.
///
/// # Errors
/// [`DecodeError::Length`] if that is fewer than 4 or more than [`MAX_BODY_LEN`], as in the server.
pub fn first_packet_body_len(field: [u8; 4]) -> Result<usize, DecodeError> {
    let length = u32::from_be_bytes(field);
    let body = length.checked_sub(4).and_then(|body| usize::try_from(body).ok());
    body.filter(|body| (4..=MAX_BODY_LEN).contains(body)).ok_or(DecodeError::Length(length))
}

impl FirstPacket {
    /// Decodes the body of a first packet: everything behind the length field.
    ///
    /// # Errors
    /// What does not have the layout of the manual, exactly: also a body that is too long, a major version other than 3,
    /// a parameter of [`Parameters::UNIQUE`] given twice, or too many parameters.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        if body.len() > MAX_BODY_LEN {
            return Err(DecodeError::Length(u32::try_from(body.len()).unwrap_or(u32::MAX)));
        }
        let mut reader = Reader::new(body);
        let code = reader.u32()?;
        match code {
            SSL_REQUEST => reader.end().map(|()| Self::SslRequest),
            GSSENC_REQUEST => reader.end().map(|()| Self::GssEncRequest),
            CANCEL_REQUEST => CancelRequest::read(reader).map(Self::Cancel),
            _ => {
                let version = ProtocolVersion::from_code(code);
                if version.major != 3 {
                    return Err(DecodeError::Version { major: version.major, minor: version.minor });
                }
                Ok(Self::Startup(StartupMessage { version, parameters: Parameters::read(reader)? }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_limited_as_in_the_server() {
        for length in [0u32, 3, 4, 7, 10_005, u32::MAX] {
            assert_eq!(first_packet_body_len(length.to_be_bytes()), Err(DecodeError::Length(length)));
        }
        assert_eq!(first_packet_body_len(8u32.to_be_bytes()), Ok(4));
        assert_eq!(first_packet_body_len(10_004u32.to_be_bytes()), Ok(10_000));
    }

    #[test]
    fn requests_for_encryption_have_no_content() {
        assert_eq!(FirstPacket::decode(&[0x04, 0xd2, 0x16, 0x2f]), Ok(FirstPacket::SslRequest));
        assert_eq!(FirstPacket::decode(&[0x04, 0xd2, 0x16, 0x30]), Ok(FirstPacket::GssEncRequest));
        assert_eq!(FirstPacket::decode(&[0x04, 0xd2, 0x16, 0x2f, 0]), Err(DecodeError::Trailing));
        assert_eq!(FirstPacket::decode(&[0x04, 0xd2, 0x16]), Err(DecodeError::Truncated));
    }

    #[test]
    fn other_major_versions_are_refused_by_number() {
        assert_eq!(FirstPacket::decode(&[0, 2, 0, 0, 0]), Err(DecodeError::Version { major: 2, minor: 0 }));
        assert_eq!(FirstPacket::decode(b"GET / HTTP"), Err(DecodeError::Version { major: 0x4745, minor: 0x5420 }));
    }
}
