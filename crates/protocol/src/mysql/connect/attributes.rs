//! Connection attributes: what a client says about itself.

use std::fmt;

use crate::mysql::{DecodeError, EncodeError, frame::MAX_LOGIN_LEN, read::Reader, write};

/// How many attributes a log-in may have. Clients send about eight.
pub const MAX_ATTRIBUTES: usize = 64;

/// Attributes in the order in which they stand on the wire.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    entries: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Attributes<'a> {
    /// No attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute at the end.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] above [`MAX_ATTRIBUTES`].
    pub fn push(&mut self, name: &'a [u8], value: &'a [u8]) -> Result<(), EncodeError> {
        if self.entries.len() == MAX_ATTRIBUTES {
            return Err(EncodeError::TooLong);
        }
        self.entries.push((name, value));
        Ok(())
    }

    /// The value of an attribute; of several, the first.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// All attributes, (name, value), in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.entries.iter().copied()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads the length of all, and pairs up to it.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut pairs = Reader::new(reader.lenenc_bytes(MAX_LOGIN_LEN)?);
        let mut attributes = Self::new();
        while !pairs.is_empty() {
            let name = pairs.lenenc_bytes(MAX_LOGIN_LEN)?;
            let value = pairs.lenenc_bytes(MAX_LOGIN_LEN)?;
            attributes.push(name, value).map_err(|_| DecodeError::TooMany)?;
        }
        Ok(attributes)
    }

    /// Appends the length of all, and the pairs.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut pairs = Vec::new();
        for (name, value) in &self.entries {
            write::lenenc_bytes(&mut pairs, name, MAX_LOGIN_LEN)?;
            write::lenenc_bytes(&mut pairs, value, MAX_LOGIN_LEN)?;
        }
        write::lenenc_bytes(out, &pairs, MAX_LOGIN_LEN)
    }
}

/// Shows the names only: a value can be a secret that somebody put there by mistake.
impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Attributes<'_>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let attributes = Attributes::read(&mut reader)?;
        reader.end()?;
        Ok(attributes)
    }

    #[test]
    fn lengths_are_not_believed() {
        assert!(read(b"\0").unwrap().is_empty());
        for (bytes, error) in [
            (&b""[..], DecodeError::Truncated),
            (b"\x05\x01a", DecodeError::Truncated),
            (b"\x02\x01a", DecodeError::Truncated),
            (b"\x03\x01a\x02", DecodeError::Truncated),
            (b"\x03\x01a\0b", DecodeError::Trailing),
            (b"\x01\xff", DecodeError::Value),
            (b"\xfc\x01\x40", DecodeError::Length(16_385)),
            (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", DecodeError::Length(u64::MAX)),
        ] {
            assert_eq!(read(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn count_is_limited() {
        let wire = |count: u8| [&[2 * count][..], &b"\0\0".repeat(usize::from(count))].concat();
        assert_eq!(read(&wire(64)).unwrap().iter().count(), MAX_ATTRIBUTES);
        assert_eq!(read(&wire(65)), Err(DecodeError::TooMany));
    }

    #[test]
    fn the_first_of_a_name_counts_and_values_are_hidden() {
        let attributes = read(b"\x0a\x02_a\x02me\x02_a\0\0").err();
        assert_eq!(attributes, Some(DecodeError::Trailing));
        let attributes = read(b"\x0a\x02_a\x02me\x02_a\0").unwrap();
        assert_eq!(attributes.get(b"_a"), Some(&b"me"[..]));
        assert_eq!(format!("{attributes:?}"), r#"["_a", "_a"]"#);
    }
}
