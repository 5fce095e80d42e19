//! `LOGINACK` (MS-TDS 2.2.7.14): the log-in has succeeded.

use crate::tds::{DecodeError, EncodeError, TdsVersion, read::Reader, write};

use super::kind;

/// The token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAck {
    /// The number of the dialect: 1 for Transact-SQL.
    pub interface: u8,
    /// The version that is spoken from here on.
    pub version: TdsVersion,
    /// What the server calls itself.
    pub program: String,
    /// The version of its program: major, minor, two bytes of build.
    pub program_version: [u8; 4],
}

impl LoginAck {
    /// Appends the token.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for too long a name.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::whole(out, |out| {
            out.push(kind::LOGIN_ACK);
            write::with_u16_length(out, |out| {
                out.push(self.interface);
                out.extend(self.version.as_u32().to_be_bytes());
                write::b_varchar(out, &self.program)?;
                out.extend(self.program_version);
                Ok(())
            })
        })
    }

    /// Reads the body of the token.
    pub(super) fn read(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let interface = body.u8()?;
        let version = u32::from_be_bytes(body.array()?);
        let version = TdsVersion::from_u32(version).ok_or(DecodeError::Version(version))?;
        let (program, program_version) = (body.b_varchar()?, body.array()?);
        body.end()?;
        Ok(Self { interface, version, program, program_version })
    }
}
