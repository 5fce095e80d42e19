//! The client's side of authentication. All its messages have type `p`: the first after `AuthenticationSASL` is a
//! [`SaslInitialResponse`], every one after `AuthenticationSASLContinue` a [`SaslResponse`].

use crate::postgres::{DecodeError, EncodeError, frame::MAX_LENGTH, read::Reader, write};

use super::tag;

/// The client chooses a mechanism and may begin it. No `Debug`: initial data of some mechanisms holds the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism's name.
    pub mechanism: &'a str,
    /// The mechanism's first message, if the client begins.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Decodes the body of a `p` message that answers `AuthenticationSASL`.
    ///
    /// # Errors
    /// What does not have the layout of the manual, exactly; [`DecodeError::Value`] for an empty mechanism's name.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mechanism = std::str::from_utf8(reader.name()?).map_err(|_| DecodeError::NotUtf8)?;
        let length = reader.u32()?;
        let data = if length == u32::MAX {
            None
        } else {
            Some(reader.bytes(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)?)
        };
        reader.end()?;
        Ok(Self { mechanism, data })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::Nul`] or [`EncodeError::Empty`] for such a mechanism's name, [`EncodeError::TooLong`] for more
    /// data than a message can have.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, tag::PASSWORD, |out| {
            write::name(out, self.mechanism.as_bytes())?;
            let Some(data) = self.data else {
                write::u32(out, u32::MAX);
                return Ok(());
            };
            let length = u32::try_from(data.len()).ok().filter(|length| *length <= MAX_LENGTH);
            write::u32(out, length.ok_or(EncodeError::TooLong)?);
            out.extend_from_slice(data);
            Ok(())
        })
    }
}

/// The next message of the mechanism: the body is the mechanism's, as it is. No `Debug`, see [`SaslInitialResponse`].
#[derive(Clone, PartialEq, Eq)]
pub struct SaslResponse<'a> {
    /// The mechanism's message.
    pub data: &'a [u8],
}

impl<'a> SaslResponse<'a> {
    /// Takes the body of a `p` message that answers `AuthenticationSASLContinue`. Any bytes will do.
    #[must_use]
    pub fn decode(body: &'a [u8]) -> Self {
        Self { data: body }
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for more data than a message can have.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::message(out, tag::PASSWORD, |out| {
            out.extend_from_slice(self.data);
            Ok(())
        })
    }
}

/// Whether the body of a `p` message has the form of a `PasswordMessage`: one string and nothing behind it. A client
/// that sends this where a [`SaslInitialResponse`] belongs does not speak SASL and can be told so by name; the password
/// itself is not looked at.
#[must_use]
pub fn is_plain_password(body: &[u8]) -> bool {
    body.iter().position(|&b| b == 0).is_some_and(|end| end + 1 == body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        let response = SaslInitialResponse { mechanism: "SCRAM-SHA-256", data: Some(b"n,,n=,r=x") };
        let mut wire = Vec::new();
        response.encode(&mut wire).unwrap();
        assert_eq!(wire, b"p\0\0\0\x1fSCRAM-SHA-256\0\0\0\0\x09n,,n=,r=x");
        assert!(SaslInitialResponse::decode(&wire[5..]) == Ok(response));
        let silent = SaslInitialResponse { mechanism: "X", data: None };
        wire.clear();
        silent.encode(&mut wire).unwrap();
        assert_eq!(wire, b"p\0\0\0\x0aX\0\xff\xff\xff\xff");
        assert!(SaslInitialResponse::decode(&wire[5..]) == Ok(silent));
    }

    #[test]
    fn lengths_are_not_believed() {
        for (body, error) in [
            (&b"X\0\0\0\0\x02a"[..], DecodeError::Truncated),
            (b"X\0\xff\xff\xff\xfea", DecodeError::Truncated),
            (b"X\0\0\0\0\x01ab", DecodeError::Trailing),
            (b"X\0\xff\xff\xff\xffa", DecodeError::Trailing),
            (b"X\0\0\0", DecodeError::Truncated),
            (b"X", DecodeError::Unterminated),
            (b"\0\xff\xff\xff\xff", DecodeError::Value),
            (b"\xff\0\xff\xff\xff\xff", DecodeError::NotUtf8),
        ] {
            assert_eq!(SaslInitialResponse::decode(body).err(), Some(error), "{body:?}");
        }
    }

    #[test]
    fn plain_passwords_are_recognised() {
        assert!(is_plain_password(b"secret\0"));
        assert!(!is_plain_password(b"secret"));
        assert!(!is_plain_password(b"SCRAM-SHA-256\0\0\0\0\x01x"));
    }
}
