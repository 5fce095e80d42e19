//! `Protocol::SSLRequest`, with which a client asks for TLS.

use crate::mysql::{Capabilities, DecodeError, EncodeError, frame::Sequence, read::Reader, write};

/// The request. It is the beginning of a [`Login`](super::Login), which comes again in full through TLS: only that one
/// counts, because this one can have been made by anybody in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    /// What the client can do. [`Capabilities::SSL`] is always among it.
    pub capabilities: Capabilities,
    /// The longest message that the client wants to receive, in bytes.
    pub max_packet_len: u32,
    /// The lower byte of the number of the client's collation.
    pub collation: u8,
}

impl SslRequest {
    /// How long the payload is, in bytes. A log-in is longer.
    pub const LEN: usize = 32;

    /// Decodes the payload.
    ///
    /// # Errors
    /// What does not have the layout of the manual; [`DecodeError::TooOld`] for a client that does not speak the protocol
    /// of MySQL 4.1, and [`DecodeError::Value`] for one that does not ask for TLS.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let request = Self::read(&mut reader)?;
        reader.end()?;
        if request.capabilities.contains(Capabilities::SSL) { Ok(request) } else { Err(DecodeError::Value) }
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`EncodeError::Capabilities`] if anything beyond [`Capabilities::SPOKEN`] and files is asked for, or not TLS with the protocol
    /// of MySQL 4.1.
    pub fn encode(&self, sequence: &mut Sequence, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !self.capabilities.contains(Capabilities::SSL) {
            return Err(EncodeError::Capabilities);
        }
        write::packet(out, sequence, |out| self.write(out))
    }

    /// Reads what the request and a log-in begin with.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let capabilities = Capabilities::from_bits(reader.u32()?);
        if !capabilities.contains(Capabilities::PROTOCOL_41) {
            return Err(DecodeError::TooOld);
        }
        let max_packet_len = reader.u32()?;
        let collation = reader.u8()?;
        // Filler, in which clients of MariaDB have capabilities of their own: they count only without LONG_PASSWORD.
        reader.bytes(23)?;
        Ok(Self { capabilities, max_packet_len, collation })
    }

    /// Appends what the request and a log-in begin with.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let needed = Capabilities::PROTOCOL_41 | Capabilities::LONG_PASSWORD;
        if !self.capabilities.is_spoken() || !self.capabilities.contains(needed) {
            return Err(EncodeError::Capabilities);
        }
        out.extend_from_slice(&self.capabilities.bits().to_le_bytes());
        out.extend_from_slice(&self.max_packet_len.to_le_bytes());
        out.push(self.collation);
        out.extend_from_slice(&[0; 23]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        let request = SslRequest { capabilities: Capabilities::SPOKEN, max_packet_len: 1 << 24, collation: 45 };
        let mut wire = Vec::new();
        request.encode(&mut Sequence::at(1), &mut wire).unwrap();
        assert_eq!(wire[..13], *b"\x20\0\0\x01\x0f\xaf\xff\x01\0\0\0\x01\x2d");
        assert_eq!(wire[13..], [0; 23]);
        assert_eq!(wire.len() - 4, SslRequest::LEN);
        assert_eq!(SslRequest::decode(&wire[4..]), Ok(request));
        assert_eq!(SslRequest::decode(&wire[4..35]), Err(DecodeError::Truncated));
    }

    #[test]
    fn without_tls_or_protocol_41_it_is_none() {
        let mut payload = [0; SslRequest::LEN];
        assert_eq!(SslRequest::decode(&payload), Err(DecodeError::TooOld));
        payload[1] = 0x02;
        assert_eq!(SslRequest::decode(&payload), Err(DecodeError::Value));
        payload[1] = 0x0a;
        assert!(SslRequest::decode(&payload).is_ok());
        let plain = SslRequest {
            capabilities: Capabilities::SPOKEN.without(Capabilities::SSL),
            max_packet_len: 0,
            collation: 0,
        };
        assert_eq!(plain.encode(&mut Sequence::at(1), &mut Vec::new()), Err(EncodeError::Capabilities));
    }
}
