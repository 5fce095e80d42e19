//! `Query`, the simple query protocol, and `Terminate`.

use crate::postgres::{DecodeError, EncodeError, read::Reader, write};

use super::tag;

/// One string of statements. No `Debug`: statements can hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Query<'a> {
    /// The statements, in the session's encoding.
    pub sql: &'a [u8],
}

impl<'a> Query<'a> {
    /// Decodes the body of a `Q` message.
    ///
    /// # Errors
    /// What is not one terminated string.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let sql = reader.cstr()?;
        reader.end()?;
        Ok(Self { sql })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] for a zero byte in the statements, [`EncodeError::TooLong`] for too many of them.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, tag::QUERY, |out| write::cstr(out, self.sql))
    }
}

/// Appends `Terminate`, with which a client leaves.
pub fn encode_terminate(out: &mut Vec<u8>) {
    out.extend_from_slice(&[tag::TERMINATE, 0, 0, 0, 4]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        let mut wire = Vec::new();
        Query { sql: b"select 1" }.encode(&mut wire).unwrap();
        assert_eq!(wire, b"Q\0\0\0\x0dselect 1\0");
        assert!(Query::decode(&wire[5..]) == Ok(Query { sql: b"select 1" }));
        assert_eq!(Query::decode(b"a\0b\0").err(), Some(DecodeError::Trailing));
        assert_eq!(Query { sql: b"a\0b" }.encode(&mut wire), Err(EncodeError::Nul));
        wire.clear();
        encode_terminate(&mut wire);
        assert_eq!(wire, b"X\0\0\0\x04");
    }
}
