//! `StartupMessage`: the version asked for, and who wants to connect to what.

use crate::postgres::{EncodeError, ProtocolVersion, write};

use super::Parameters;

/// The message that starts a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupMessage {
    /// The version that the client asks for. Its major version is 3; answer a minor version that is not spoken with
    /// [`NegotiateProtocolVersion`](crate::postgres::backend::NegotiateProtocolVersion).
    pub version: ProtocolVersion,
    /// The parameters, in the order in which they stood.
    pub parameters: Parameters,
}

impl StartupMessage {
    /// Appends the packet.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] above the server's cap of 10,000 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::untyped(out, super::packet::MAX_LENGTH, |out| {
            write::u32(out, self.version.code());
            self.parameters.write(out)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::startup::FirstPacket;

    #[test]
    fn layout_is_that_of_the_manual() {
        let mut parameters = Parameters::new();
        parameters.push(b"user", b"u").unwrap();
        parameters.push(b"options", b"").unwrap();
        let message = StartupMessage { version: ProtocolVersion::V3_0, parameters };
        let mut wire = vec![0xaa];
        message.encode(&mut wire).unwrap();
        assert_eq!(wire, b"\xaa\0\0\0\x19\0\x03\0\0user\0u\0options\0\0\0");
        assert_eq!(FirstPacket::decode(&wire[5..]), Ok(FirstPacket::Startup(message)));
    }

    #[test]
    fn too_long_leaves_the_buffer_alone() {
        let mut parameters = Parameters::new();
        parameters.push(b"application_name", &[b'x'; 10_000]).unwrap();
        let message = StartupMessage { version: ProtocolVersion::V3_2, parameters };
        let mut wire = vec![1, 2, 3];
        assert_eq!(message.encode(&mut wire), Err(EncodeError::TooLong));
        assert_eq!(wire, [1, 2, 3]);
    }
}
