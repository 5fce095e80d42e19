//! `ParameterStatus`: a setting of the session that clients want to know.

use crate::postgres::{DecodeError, EncodeError, read::Reader, write};

/// One setting and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterStatus<'a> {
    /// The setting's name, such as `server_version`.
    pub name: &'a [u8],
    /// Its value, in the session's encoding.
    pub value: &'a [u8],
}

impl<'a> ParameterStatus<'a> {
    /// Decodes the body of an `S` message.
    ///
    /// # Errors
    /// What does not have the layout of the manual.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let (name, value) = (reader.cstr()?, reader.cstr()?);
        reader.end()?;
        Ok(Self { name, value })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] for a zero byte in name or value.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, super::tag::PARAMETER_STATUS, |out| {
            write::cstr(out, self.name)?;
            write::cstr(out, self.value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        let status = ParameterStatus { name: b"server_version", value: b"15.20" };
        let mut wire = Vec::new();
        status.encode(&mut wire).unwrap();
        assert_eq!(wire, b"S\0\0\0\x19server_version\x0015.20\0");
        assert_eq!(ParameterStatus::decode(&wire[5..]), Ok(status));
        assert_eq!(ParameterStatus::decode(b"a\0b\0c\0"), Err(DecodeError::Trailing));
        assert_eq!(ParameterStatus::decode(b"a\0b"), Err(DecodeError::Unterminated));
        let split = ParameterStatus { name: b"a\0", value: b"" };
        assert_eq!(split.encode(&mut Vec::new()), Err(EncodeError::Nul));
    }
}
