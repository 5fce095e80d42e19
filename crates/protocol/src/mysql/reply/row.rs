//! `Text Resultset Row`.

use crate::mysql::{DecodeError, frame::MAX_LOGIN_LEN, read::Reader};

/// How NULL begins.
const NULL: u8 = 0xfb;

/// The first value of a row of a text result; `None` for NULL. What follows it is not looked at.
///
/// # Errors
/// [`DecodeError::Truncated`] for a row that ends within it, [`DecodeError::Length`] for one of more than 16 KiB.
pub fn first_value(payload: &[u8]) -> Result<Option<&[u8]>, DecodeError> {
    if payload.first() == Some(&NULL) {
        return Ok(None);
    }
    Reader::new(payload).lenenc_bytes(MAX_LOGIN_LEN).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_length_in_front() {
        assert_eq!(first_value(b"\x02ab\x01c"), Ok(Some(&b"ab"[..])));
        assert_eq!(first_value(b"\0"), Ok(Some(&b""[..])));
        assert_eq!(first_value(b"\xfb\x01c"), Ok(None));
        assert_eq!(first_value(b"\x03ab"), Err(DecodeError::Truncated));
        assert_eq!(first_value(b""), Err(DecodeError::Truncated));
        assert_eq!(first_value(b"\xfd\x01\x40\0"), Err(DecodeError::Length(16_385)));
    }
}
