//! SASLprep (RFC 4013), with PostgreSQL's exceptions.
//!
//! The tables are those of the crate `stringprep`, which the PostgreSQL driver uses as well, so that driver, server and
//! broker agree. What PostgreSQL does where a password cannot be prepared is done here: the bytes are used as they are.
//! That holds for bytes that are not UTF-8, for prohibited characters, and for a password of which nothing would be left.

use zeroize::Zeroizing;

/// The password as it enters the key derivation. ASCII, as in the passwords that we make, comes back unchanged.
/// [`Verifier::from_password`](super::Verifier::from_password) and
/// [`ClientSecret::from_password`](super::ClientSecret::from_password) call this themselves.
#[must_use]
pub fn prepare_password(password: &[u8]) -> Zeroizing<Vec<u8>> {
    // PostgreSQL's shortcut, which also lets control characters of ASCII through.
    if password.is_ascii() {
        return Zeroizing::new(password.to_vec());
    }
    let prepared = std::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    match prepared {
        Some(text) if !text.is_empty() => Zeroizing::new(text.into_owned().into_bytes()),
        _ => Zeroizing::new(password.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_rfc_4013_and_postgresql() {
        let cases: [(&[u8], &[u8]); 9] = [
            (b"pencil", b"pencil"),
            // RFC 4013, section 3: a soft hyphen maps to nothing, a Roman numeral is compatible with two letters.
            ("I\u{ad}X".as_bytes(), b"IX"),
            ("\u{2168}".as_bytes(), b"IX"),
            ("\u{aa}".as_bytes(), b"a"),
            // A non-ASCII space becomes a space.
            ("a\u{a0}b".as_bytes(), b"a b"),
            // Prohibited, unassigned, not UTF-8, or nothing left: used as it is.
            (b"\x07", b"\x07"),
            ("é\u{7}".as_bytes(), "é\u{7}".as_bytes()),
            (b"\xff\xfe", b"\xff\xfe"),
            ("\u{ad}".as_bytes(), "\u{ad}".as_bytes()),
        ];
        for (password, prepared) in cases {
            assert_eq!(&*prepare_password(password), prepared, "{password:?}");
        }
    }
}
