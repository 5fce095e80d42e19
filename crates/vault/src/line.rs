//! A secret line of somebody else's making, such as what a receiver wants in a header, read with the same care as our own keys.

use crate::key::{KeyText, KeyTextError};
use mayfly_domain::Secret;

/// One line of printable characters.
#[derive(Debug)]
pub struct SecretLine(Secret);

impl SecretLine {
    /// The line as a secret.
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

impl KeyText for SecretLine {
    fn parse(text: &str) -> Result<Self, KeyTextError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if line.is_empty() || !line.bytes().all(printable) {
            return Err(KeyTextError::NotALine);
        }
        Ok(Self(Secret::new(line.to_owned())))
    }

    fn to_text(&self) -> Secret {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_without_its_end_and_nothing_else() {
        assert_eq!(SecretLine::parse("Bearer abc\n").unwrap().into_secret().expose(), "Bearer abc");
        for bad in ["", "\n", "a\nb", "a\n\n", "a\r\n", "a\tb", "é"] {
            assert!(SecretLine::parse(bad).is_err(), "{bad:?}");
        }
    }
}
