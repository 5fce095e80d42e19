//! The list of parameters in a start-up message.

use crate::postgres::{DecodeError, EncodeError, read::Reader, write};

/// How many parameters a start-up message may have. Clients send about ten.
pub const MAX_PARAMETERS: usize = 128;

/// Parameters in the order in which they stand on the wire. Names and values are bytes, because their encoding is not
/// known before the session has one; neither can contain a zero byte, and no name is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parameters {
    /// Parameters that decide who connects to what. The server would take the last of several, other software the
    /// first; so that nobody can be told two different things, a message that repeats one is refused. Settings may be
    /// repeated, and the last one holds.
    pub const UNIQUE: [&'static [u8]; 4] = [b"user", b"database", b"options", b"replication"];

    /// What the names of protocol options begin with.
    pub const OPTION_PREFIX: &'static [u8] = b"_pq_.";

    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter at the end.
    ///
    /// # Errors
    /// [`EncodeError::Empty`] for an empty name, [`EncodeError::Nul`] for a zero byte in name or value, and
    /// [`EncodeError::TooLong`] above [`MAX_PARAMETERS`].
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        if name.is_empty() {
            return Err(EncodeError::Empty);
        }
        if name.contains(&0) || value.contains(&0) {
            return Err(EncodeError::Nul);
        }
        if self.entries.len() == MAX_PARAMETERS {
            return Err(EncodeError::TooLong);
        }
        self.entries.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    /// The value of a parameter; of several, the last, as in the server. Names are compared byte by byte.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().rfind(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The value of a parameter as text.
    ///
    /// # Errors
    /// [`DecodeError::NotUtf8`] if it is there but is not UTF-8.
    pub fn get_str(&self, name: &str) -> Result<Option<&str>, DecodeError> {
        self.get(name.as_bytes()).map(std::str::from_utf8).transpose().map_err(|_| DecodeError::NotUtf8)
    }

    /// All parameters, (name, value), in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The names of the protocol options (`_pq_.…`), with the prefix, in order. Those that are not understood have to be
    /// named in the answer, a [`NegotiateProtocolVersion`](crate::postgres::backend::NegotiateProtocolVersion), and must
    /// not be passed on.
    pub fn protocol_options(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(|(name, _)| name).filter(|name| name.starts_with(Self::OPTION_PREFIX))
    }

    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads pairs up to the terminator, which has to be the last byte.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut parameters = Self::new();
        loop {
            let name = reader.cstr()?;
            if name.is_empty() {
                break;
            }
            let value = reader.cstr()?;
            let decides = Self::UNIQUE.contains(&name) || name.starts_with(Self::OPTION_PREFIX);
            if decides && parameters.get(name).is_some() {
                return Err(DecodeError::DuplicateParameter);
            }
            parameters.push(name, value).map_err(|_| DecodeError::TooMany)?;
        }
        reader.end()?;
        Ok(parameters)
    }

    /// Appends all pairs and the terminator.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        for (name, value) in &self.entries {
            write::name(out, name)?;
            write::cstr(out, value)?;
        }
        out.push(0);
        Ok(())
    }
}

/// Shows the names only: a value can be a secret that somebody put into `options` by mistake.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Parameters, DecodeError> {
        Parameters::read(Reader::new(bytes))
    }

    #[test]
    fn order_and_repeated_settings_are_kept() {
        let parameters = read(b"user\0alice\0search_path\0a\0search_path\0b\0\0").unwrap();
        let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"user".as_slice(), b"search_path", b"search_path"]);
        assert_eq!(parameters.get_str("search_path"), Ok(Some("b")));
        assert_eq!(parameters.get(b"USER"), None);
    }

    #[test]
    fn a_repeated_user_is_refused() {
        assert_eq!(read(b"user\0a\0user\0b\0\0"), Err(DecodeError::DuplicateParameter));
        assert_eq!(read(b"_pq_.x\0a\0_pq_.x\0b\0\0"), Err(DecodeError::DuplicateParameter));
    }

    #[test]
    fn layout_faults_are_told_apart() {
        assert_eq!(read(b""), Err(DecodeError::Unterminated));
        assert_eq!(read(b"user\0alice\0"), Err(DecodeError::Unterminated));
        assert_eq!(read(b"user\0alice"), Err(DecodeError::Unterminated));
        assert_eq!(read(b"user\0alice\0\0database\0x\0\0"), Err(DecodeError::Trailing));
        assert!(read(b"\0").unwrap().is_empty());
    }

    #[test]
    fn count_is_limited() {
        let mut bytes = b"a\0b\0".repeat(MAX_PARAMETERS);
        assert_eq!(read(&[bytes.as_slice(), b"\0"].concat()).unwrap().len(), MAX_PARAMETERS);
        bytes.extend(b"a\0b\0\0");
        assert_eq!(read(&bytes), Err(DecodeError::TooMany));
    }

    #[test]
    fn text_is_checked_when_asked_for() {
        let parameters = read(b"user\0\xff\0\0").unwrap();
        assert_eq!(parameters.get(b"user"), Some(b"\xff".as_slice()));
        assert_eq!(parameters.get_str("user"), Err(DecodeError::NotUtf8));
    }

    #[test]
    fn zero_bytes_cannot_be_smuggled_out() {
        let mut parameters = Parameters::new();
        assert_eq!(parameters.push(b"user", b"a\0database\0b"), Err(EncodeError::Nul));
        assert_eq!(parameters.push(b"", b"a"), Err(EncodeError::Empty));
    }

    #[test]
    fn protocol_options_are_listed_and_values_hidden() {
        let parameters = read(b"user\0alice\0_pq_.new\0hunter2\0\0").unwrap();
        assert_eq!(parameters.protocol_options().collect::<Vec<_>>(), [b"_pq_.new".as_slice()]);
        assert_eq!(format!("{parameters:?}"), r#"["user", "_pq_.new"]"#);
    }
}
