//! A text that must not be seen: it has no printable form, cannot be compared with `==`, cannot be serialised, and is
//! wiped from memory when it is dropped.

use crate::entropy::Entropy;
use std::fmt;
use zeroize::Zeroizing;

/// A secret text. Its bytes are reached only through [`Secret::expose`], so that every place which reads it can be found.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Draws a password of 256 random bits in 64 hexadecimal digits: an alphabet that needs no quoting anywhere. It is
    /// quoted all the same wherever it is used.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = Zeroizing::new([0_u8; 32]);
        entropy.fill(&mut *bytes);
        // The capacity is exact, so that no half-filled copy stays behind in freed memory.
        let mut text = String::with_capacity(64);
        for byte in bytes.iter() {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self::new(text)
    }

    /// Draws a password for an account: as [`Secret::random`], behind a capital, a small letter and a digit, of which a policy
    /// of Windows's kind wants to see three kinds whatever the length (Microsoft's "Password must meet complexity requirements").
    pub fn password(entropy: &mut dyn Entropy) -> Self {
        const KINDS: &str = "Mf1";
        let random = Self::random(entropy);
        let mut text = String::with_capacity(KINDS.len() + random.expose().len());
        text.push_str(KINDS);
        text.push_str(random.expose());
        Self::new(text)
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0x5c);
        }
    }

    #[test]
    fn a_secret_prints_as_stars_and_has_256_bits() {
        let secret = Secret::random(&mut Fixed);
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.expose(), "5c".repeat(32));
    }

    #[test]
    fn a_password_has_three_kinds_of_characters_and_256_bits() {
        let secret = Secret::password(&mut Fixed);
        assert_eq!(secret.expose(), format!("Mf1{}", "5c".repeat(32)));
    }
}
