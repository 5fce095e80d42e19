//! `CancelRequest`: sent on a connection of its own, answered by nothing.

use crate::postgres::{CancelKey, DecodeError, EncodeError, read::Reader, write};

use super::CANCEL_REQUEST;

/// A request to cancel the running query of another connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// The process id that `BackendKeyData` named.
    pub process_id: u32,
    /// The key that `BackendKeyData` named. The packet carries no version, so that any key of 4 to 256 bytes decodes;
    /// compare it with the one that was given out.
    pub key: CancelKey,
}

impl CancelRequest {
    /// Reads what follows the request code.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let process_id = reader.u32()?;
        Ok(Self { process_id, key: CancelKey::new(reader.rest())? })
    }

    /// Appends the packet, ready to send on a fresh connection.
    ///
    /// # Errors
    /// None in practice: a key is never too long for a packet.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::untyped(out, super::packet::MAX_LENGTH, |out| {
            write::u32(out, CANCEL_REQUEST);
            write::u32(out, self.process_id);
            out.extend_from_slice(self.key.as_bytes());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::startup::FirstPacket;

    #[test]
    fn is_sixteen_bytes_in_protocol_3_0() {
        let request = CancelRequest { process_id: 0x0102_0304, key: CancelKey::new(&[9, 8, 7, 6]).unwrap() };
        let mut wire = Vec::new();
        request.encode(&mut wire).unwrap();
        assert_eq!(wire, [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 1, 2, 3, 4, 9, 8, 7, 6]);
        assert_eq!(FirstPacket::decode(&wire[4..]), Ok(FirstPacket::Cancel(request)));
    }

    #[test]
    fn key_lengths_outside_the_protocol_are_refused() {
        let mut body = vec![0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1];
        assert_eq!(FirstPacket::decode(&body), Err(DecodeError::CancelKey(0)));
        body.extend([1; 257]);
        assert_eq!(FirstPacket::decode(&body), Err(DecodeError::CancelKey(257)));
        body.pop();
        assert!(FirstPacket::decode(&body).is_ok());
    }
}
