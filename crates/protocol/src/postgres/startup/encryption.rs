//! Requests for encryption and their one-byte answers.

use crate::postgres::DecodeError;

use super::{GSSENC_REQUEST, SSL_REQUEST};

/// The protocol name that a TLS handshake carries (ALPN). A connection that begins with TLS at once has to carry it;
/// one that asked with an `SSLRequest` may.
pub const ALPN: &[u8] = b"postgresql";

/// Whether the first byte of a connection is that of a TLS handshake record, from a client that does not ask first
/// (`sslnegotiation=direct`, PostgreSQL 17). No other first packet begins so: its length would be above the cap.
#[must_use]
pub fn begins_tls(first_byte: u8) -> bool {
    first_byte == 0x16
}

/// Appends an `SSLRequest`.
pub fn encode_ssl_request(out: &mut Vec<u8>) {
    request(out, SSL_REQUEST);
}

/// Appends a `GSSENCRequest`.
pub fn encode_gssenc_request(out: &mut Vec<u8>) {
    request(out, GSSENC_REQUEST);
}

/// Appends a packet of a request code alone.
fn request(out: &mut Vec<u8>, code: u32) {
    out.extend_from_slice(&8u32.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
}

/// The byte with which a server answers a request for encryption. Nothing may be read behind it before the encryption
/// is up: whatever is already there came from somebody in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionReply {
    /// `S`: the TLS handshake may begin.
    Tls,
    /// `G`: the GSSAPI handshake may begin.
    Gss,
    /// `N`: the server does not offer this encryption.
    Refused,
}

impl EncryptionReply {
    /// The answer behind this byte.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedType`] for any other byte, also for the `E` of an error message: it is not authenticated
    /// and not to be shown to anybody (CVE-2024-10977).
    pub fn decode(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            b'S' => Ok(Self::Tls),
            b'G' => Ok(Self::Gss),
            b'N' => Ok(Self::Refused),
            other => Err(DecodeError::UnexpectedType(other)),
        }
    }

    /// The byte to send.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Tls => b'S',
            Self::Gss => b'G',
            Self::Refused => b'N',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::startup::{FirstPacket, first_packet_body_len};

    #[test]
    fn requests_decode_to_themselves() {
        let mut wire = Vec::new();
        encode_ssl_request(&mut wire);
        encode_gssenc_request(&mut wire);
        assert_eq!(FirstPacket::decode(&wire[4..8]), Ok(FirstPacket::SslRequest));
        assert_eq!(FirstPacket::decode(&wire[12..]), Ok(FirstPacket::GssEncRequest));
    }

    #[test]
    fn replies_are_one_byte() {
        for reply in [EncryptionReply::Tls, EncryptionReply::Gss, EncryptionReply::Refused] {
            assert_eq!(EncryptionReply::decode(reply.byte()), Ok(reply));
        }
        assert_eq!(EncryptionReply::decode(b'E'), Err(DecodeError::UnexpectedType(b'E')));
    }

    #[test]
    fn a_tls_record_is_no_first_packet() {
        assert!(begins_tls(0x16));
        assert!(first_packet_body_len([0x16, 3, 1, 0]).is_err());
    }
}
