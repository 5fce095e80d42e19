//! `BackendKeyData`: what the client needs to cancel a query later.

use crate::postgres::{CancelKey, DecodeError, EncodeError, ProtocolVersion, read::Reader, write};

/// The process id and the cancel key of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendKeyData {
    /// The process id. Nothing but a name: a broker may give out numbers of its own.
    pub process_id: u32,
    /// The key that a cancel request has to show.
    pub key: CancelKey,
}

impl BackendKeyData {
    /// Decodes the body of a `K` message in a session of protocol `version`.
    ///
    /// # Errors
    /// [`DecodeError::CancelKey`] if the key's length is not allowed in that version, [`DecodeError::Truncated`] if
    /// there is no whole process id.
    pub fn decode(body: &[u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let process_id = reader.u32()?;
        let key = CancelKey::new(reader.rest())?;
        if !key.fits(version) {
            return Err(DecodeError::CancelKey(key.as_bytes().len()));
        }
        Ok(Self { process_id, key })
    }

    /// Appends the message. Give clients of protocol 3.0 keys of four bytes only.
    ///
    /// # Errors
    /// None in practice: a key is never too long for a message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, super::tag::BACKEND_KEY_DATA, |out| {
            write::u32(out, self.process_id);
            out.extend_from_slice(self.key.as_bytes());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_need_protocol_3_2() {
        let data = BackendKeyData { process_id: 77, key: CancelKey::new(&[5; 32]).unwrap() };
        let mut wire = Vec::new();
        data.encode(&mut wire).unwrap();
        assert_eq!(wire[..9], *b"K\0\0\0\x28\0\0\0\x4d");
        assert_eq!(BackendKeyData::decode(&wire[5..], ProtocolVersion::V3_2), Ok(data));
        assert_eq!(BackendKeyData::decode(&wire[5..], ProtocolVersion::V3_0), Err(DecodeError::CancelKey(32)));
    }

    #[test]
    fn length_is_checked() {
        assert_eq!(BackendKeyData::decode(b"\0\0\0", ProtocolVersion::V3_0), Err(DecodeError::Truncated));
        assert_eq!(BackendKeyData::decode(b"\0\0\0\x01abc", ProtocolVersion::V3_2), Err(DecodeError::CancelKey(3)));
        assert!(BackendKeyData::decode(b"\0\0\0\x01abcd", ProtocolVersion::V3_0).is_ok());
    }
}
