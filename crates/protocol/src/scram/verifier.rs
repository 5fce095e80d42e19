//! What a server keeps of a password, in PostgreSQL's text form
//! `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.

use std::{fmt, num::NonZeroU32};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    MAX_SALT_LEN,
    keys::{ClientKey, KEY_LEN, ServerKey, StoredKey, derive, mac},
};

/// The salt, the iteration count and the two keys with which a server checks a client. Its text is not the password,
/// but a secret still: it allows guessing at full speed, and posing as the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: StoredKey,
    pub(super) server_key: ServerKey,
    /// Made for a user that does not exist: no proof is ever good enough.
    pub(super) mock: bool,
}

/// A text is not a verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SCRAM-SHA-256 verifier")]
pub struct VerifierError;

impl Verifier {
    /// Derives the verifier of a password, prepared first as [`prepare_password`](super::prepare_password) says. The
    /// salt should be 16 random bytes; it may be of any length up to [`MAX_SALT_LEN`], beyond which it is cut. Takes
    /// time in proportion to `iterations`: about a millisecond for 4096; one is enough for a password of 256 random bits.
    #[must_use]
    pub fn from_password(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let salt = &salt[..salt.len().min(MAX_SALT_LEN)];
        let (client_key, server_key) = derive(password, salt, iterations);
        Self { iterations, salt: salt.to_vec(), stored_key: client_key.stored_key(), server_key, mock: false }
    }

    /// The verifier of keys that are at hand already.
    #[must_use]
    pub fn from_keys(client_key: &ClientKey, server_key: ServerKey, salt: &[u8], iterations: NonZeroU32) -> Self {
        let salt = salt[..salt.len().min(MAX_SALT_LEN)].to_vec();
        Self { iterations, salt, stored_key: client_key.stored_key(), server_key, mock: false }
    }

    /// A verifier for a user that does not exist, with which the exchange looks as with one that does and always fails.
    /// `salt` and `iterations` are those that a real user of that name would have, so that a second try sees the same
    /// (PostgreSQL's mock authentication). `secret` is the server's own, at least 32 random bytes.
    #[must_use]
    pub fn mock(secret: &[u8], user: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        Self {
            iterations,
            salt: salt[..salt.len().min(MAX_SALT_LEN)].to_vec(),
            stored_key: StoredKey::from_bytes(mac(secret, &[b"mayfly scram mock stored key\0", user])),
            server_key: ServerKey::from_bytes(mac(secret, &[b"mayfly scram mock server key\0", user])),
            mock: true,
        }
    }

    /// Parses PostgreSQL's text form.
    ///
    /// # Errors
    /// [`VerifierError`] for anything else, without saying what of it: the text is a secret.
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        let rest = text.strip_prefix("SCRAM-SHA-256$").ok_or(VerifierError)?;
        let (cost, keys) = rest.split_once('$').ok_or(VerifierError)?;
        let (iterations, salt) = cost.split_once(':').ok_or(VerifierError)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(VerifierError)?;
        if !iterations.bytes().all(|b| b.is_ascii_digit()) {
            return Err(VerifierError);
        }
        let salt = STANDARD.decode(salt).map_err(|_| VerifierError)?;
        if salt.is_empty() || salt.len() > MAX_SALT_LEN {
            return Err(VerifierError);
        }
        Ok(Self {
            iterations: iterations.parse().map_err(|_| VerifierError)?,
            salt,
            stored_key: StoredKey::from_bytes(key(stored_key)?),
            server_key: ServerKey::from_bytes(key(server_key)?),
            mock: false,
        })
    }

    /// Prints PostgreSQL's text form, as it stands in `CREATE ROLE … PASSWORD '…'`. All of its characters are safe
    /// within a quoted literal.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key.as_bytes()),
            STANDARD.encode(self.server_key.as_bytes()),
        ))
    }

    /// Whether this is the verifier of a password that a client typed in clear, as SSH and web forms have it. Takes as long
    /// for a [`Verifier::mock`], for which the answer is always no; the keys are compared in constant time.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> bool {
        let (client_key, _server_key) = derive(password, &self.salt, self.iterations);
        self.accepts_key(&client_key.stored_key(), password)
    }

    /// The same with the key that was derived of the password already.
    pub(super) fn accepts_key(&self, stored_key: &StoredKey, password: &[u8]) -> bool {
        let same = *stored_key == self.stored_key;
        // HMAC fills its key with zeros, so that zeros at the end of a password would make no difference (RFC 2104, section 2);
        // SASLprep allows none in one (RFC 4013, section 2.3).
        same & !self.mock & !password.contains(&0)
    }

    /// The iteration count.
    #[must_use]
    pub fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }
}

/// A key in base64.
fn key(text: &str) -> Result<[u8; KEY_LEN], VerifierError> {
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| VerifierError)?);
    bytes.as_slice().try_into().map_err(|_| VerifierError)
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier(…, {} iterations)", self.iterations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verifier of the password `pw` that logged in to PostgreSQL 15, 16 and 18.
    const LOGGED_IN: &str = "SCRAM-SHA-256$4096:DbojgYsC3eSxeuDl0OEyvw==$Byw9ODDPHpSc30e8WzKWpXo/VJo7ZAJjvW/hRc3M7Z8=:ok2sN5JicyIdxPQJLIebxoJOF0sud4LA62BhcHg372U=";

    #[test]
    fn equals_one_that_logged_in() {
        let salt = STANDARD.decode("DbojgYsC3eSxeuDl0OEyvw==").unwrap();
        let verifier = Verifier::from_password(b"pw", &salt, NonZeroU32::new(4096).unwrap());
        assert_eq!(verifier.to_text().as_str(), LOGGED_IN);
        assert_eq!(Verifier::parse(LOGGED_IN), Ok(verifier));
        assert_eq!(format!("{:?}", Verifier::parse(LOGGED_IN).unwrap()), "Verifier(…, 4096 iterations)");
    }

    #[test]
    fn nothing_else_parses() {
        for (from, to) in [
            ("SCRAM-SHA-256$", "SCRAM-SHA-1$"),
            ("4096", "0"),
            ("4096", "+4096"),
            ("4096", "4294967296"),
            ("4096", ""),
            ("DbojgYsC3eSxeuDl0OEyvw==", ""),
            ("DbojgYsC3eSxeuDl0OEyvw==", "DbojgYsC3eSxeuDl0OEyvw"),
            ("Byw9", ""),
            ("372U=", "372U=:"),
            ("$Byw9", "Byw9"),
        ] {
            assert_eq!(Verifier::parse(&LOGGED_IN.replacen(from, to, 1)), Err(VerifierError), "{from} -> {to}");
        }
    }

    #[test]
    fn a_typed_password_is_accepted_only_where_it_is_the_one() {
        let verifier = Verifier::parse(LOGGED_IN).unwrap();
        assert!(verifier.accepts(b"pw"));
        for wrong in [&b""[..], b"pW", b"pw ", b"pw\0"] {
            assert!(!verifier.accepts(wrong), "{wrong:?}");
        }
        let twin = Verifier { mock: true, ..verifier };
        assert!(!twin.accepts(b"pw"), "nobody signs in with a mock, whatever they know");
    }

    #[test]
    fn a_mock_stays_the_same_for_one_user_and_secret() {
        let mock = |secret: &[u8], user: &[u8]| Verifier::mock(secret, user, &[7; 16], NonZeroU32::MIN);
        assert_eq!(mock(b"s", b"alice"), mock(b"s", b"alice"));
        assert_ne!(mock(b"s", b"alice"), mock(b"s", b"bob"));
        assert_ne!(mock(b"s", b"alice"), mock(b"t", b"alice"));
        assert_eq!(mock(b"s", b"alice").salt, [7; 16]);
    }
}
