//! `NegotiateProtocolVersion`: the server speaks an older minor version, or does not know some protocol options.

use crate::postgres::{DecodeError, EncodeError, ProtocolVersion, read::Reader, write};

/// How many unknown options are listed at most.
const MAX_OPTIONS: usize = crate::postgres::startup::MAX_PARAMETERS;

/// What the server answers to a start-up message that asks for more than it can do. The session goes on in the version
/// named here. It is to be sent if and only if the version is lower than the one asked for or an option is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest version that the server speaks, not above what was asked for.
    pub version: ProtocolVersion,
    /// The names of the options that were not understood, with their prefix `_pq_.`.
    pub unknown_options: Vec<&'a [u8]>,
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// Decodes the body of a `v` message. Servers differ in whether they send the whole version or its minor part alone
    /// (the manual said the latter until 18, the server always sent the former); both are understood.
    ///
    /// # Errors
    /// [`DecodeError::Version`] if the major version is neither 3 nor left out, [`DecodeError::TooMany`] for too many
    /// options, [`DecodeError::Value`] for an empty name; otherwise what does not have the layout of the manual.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut version = ProtocolVersion::from_code(reader.u32()?);
        if version.major == 0 {
            version.major = 3;
        }
        if version.major != 3 {
            return Err(DecodeError::Version { major: version.major, minor: version.minor });
        }
        let count = usize::try_from(reader.u32()?).ok().filter(|count| *count <= MAX_OPTIONS);
        let mut unknown_options = Vec::new();
        for _ in 0..count.ok_or(DecodeError::TooMany)? {
            unknown_options.push(reader.name()?);
        }
        reader.end()?;
        Ok(Self { version, unknown_options })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] or [`EncodeError::Empty`] for such an option's name.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, super::tag::NEGOTIATE_PROTOCOL_VERSION, |out| {
            write::u32(out, self.version.code());
            write::u32(out, u32::try_from(self.unknown_options.len()).map_err(|_| EncodeError::TooLong)?);
            self.unknown_options.iter().try_for_each(|option| write::name(out, option))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_server() {
        let message =
            NegotiateProtocolVersion { version: ProtocolVersion::V3_2, unknown_options: vec![b"_pq_.a", b"_pq_.b"] };
        let mut wire = Vec::new();
        message.encode(&mut wire).unwrap();
        assert_eq!(wire, b"v\0\0\0\x1a\0\x03\0\x02\0\0\0\x02_pq_.a\0_pq_.b\0");
        assert_eq!(NegotiateProtocolVersion::decode(&wire[5..]), Ok(message));
    }

    #[test]
    fn a_bare_minor_version_is_understood() {
        let message = NegotiateProtocolVersion::decode(b"\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(message.version, ProtocolVersion::V3_0);
    }

    #[test]
    fn counts_are_not_believed() {
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\xff\xff\xff\xff"), Err(DecodeError::TooMany));
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\0\0\0\x02a\0"), Err(DecodeError::Unterminated));
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\0\0\0\0a\0"), Err(DecodeError::Trailing));
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\0\0\0\x01\0"), Err(DecodeError::Value));
        let major = DecodeError::Version { major: 4, minor: 0 };
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x04\0\0\0\0\0\0"), Err(major));
    }
}
