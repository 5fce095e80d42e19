//! Nonces and salts, whose randomness comes from the caller.

use crate::mysql::DecodeError;

/// The alphabet of crypt(3). None of its characters means anything to either server or within a quoted literal.
pub(super) const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Twenty characters, each with six bits of the random byte in its place.
fn characters(random: &[u8; 20]) -> [u8; 20] {
    random.map(|byte| ALPHABET[usize::from(byte & 0x3f)])
}

/// What a server sends for the client to answer. Use each on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce([u8; Self::LEN]);

impl Nonce {
    /// How long it is, in bytes.
    pub const LEN: usize = 20;

    /// How much of it stands in the first part of a greeting.
    pub(in crate::mysql) const FIRST_LEN: usize = 8;

    /// A nonce of these random bytes, of which 120 bits count: clients take it for text.
    #[must_use]
    pub fn from_random(random: &[u8; Self::LEN]) -> Self {
        Self(characters(random))
    }

    /// A nonce that has come from a server.
    ///
    /// # Errors
    /// [`DecodeError::Nonce`] if it is not 20 bytes long, or has a zero byte in it.
    pub fn new(bytes: &[u8]) -> Result<Self, DecodeError> {
        match <[u8; Self::LEN]>::try_from(bytes) {
            Ok(bytes) if !bytes.contains(&0) => Ok(Self(bytes)),
            _ => Err(DecodeError::Nonce),
        }
    }

    /// The nonce's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// The salt of a stored `caching_sha2_password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salt(pub(super) [u8; Self::LEN]);

impl Salt {
    /// How long it is, in bytes.
    pub const LEN: usize = 20;

    /// A salt of these random bytes, of which 120 bits count: a zero byte or `$` must not be among its characters.
    #[must_use]
    pub fn from_random(random: &[u8; Self::LEN]) -> Self {
        Self(characters(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_become_text() {
        let random: [u8; 20] = std::array::from_fn(|at| u8::try_from(at * 13).unwrap());
        let nonce = Nonce::from_random(&random);
        assert_eq!(Nonce::new(nonce.as_bytes()), Ok(nonce.clone()));
        assert_eq!(nonce.as_bytes(), b".BObo/CPcp0DQdq1ERer");
        assert_eq!(Salt::from_random(&[0xff; 20]).0, [b'z'; 20]);
        assert_eq!(Nonce::new(&[1; 19]), Err(DecodeError::Nonce));
        assert_eq!(Nonce::new(&[0; 20]), Err(DecodeError::Nonce));
    }
}
