//! The installation's key: 256 random bits that are made only on purpose, its text form for a file, and the fingerprint by
//! which people and error messages name it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mayfly_domain::{Entropy, Secret};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// What the text form starts with.
const TEXT_PREFIX: &str = "mayfly-key-v1:";

/// What stands in front of the key when its fingerprint is taken, so that the fingerprint is the hash of nothing else.
const FINGERPRINT_DOMAIN: &[u8] = b"mayfly installation key fingerprint v1\0";

/// The key that seals the keys of all records. It has no printable form but [`InstallationKey::to_text`], and is wiped from
/// memory when it is dropped.
pub struct InstallationKey(Zeroizing<[u8; 32]>);

/// The text is not a key of the kind that was looked for. What stands in it is not repeated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// A key of ours was looked for.
    #[error("the text is not the key looked for: it is `{0}` and 44 characters of base64, on one line")]
    NotOurs(&'static str),
    /// A private key as PEM was looked for.
    #[error("the text is not a private key as PEM: it begins with `-----BEGIN PRIVATE KEY-----`")]
    NotPem,
    /// A secret line was looked for.
    #[error("the text is not one line of printable ASCII characters")]
    NotALine,
    /// A recovery key was looked for; what is wrong with the text.
    #[error("{0}")]
    NotRecovery(String),
}

impl KeyTextError {
    pub(crate) const fn of(prefix: &'static str) -> Self {
        Self::NotOurs(prefix)
    }
}

/// A key that has a text form, for a file, a credential or a variable.
pub trait KeyText: Sized {
    /// Reads the text form. A key of ours is one line, and one line feed at its end is allowed, nothing else.
    ///
    /// # Errors
    /// [`KeyTextError`] when the text is anything but a key of this kind and version, or one whose bits are all zero.
    fn parse(text: &str) -> Result<Self, KeyTextError>;

    /// The text form, without a line feed.
    fn to_text(&self) -> Secret;
}

/// Reads 256 bits behind a prefix.
pub(crate) fn decode(prefix: &'static str, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyTextError> {
    let wrong = || KeyTextError::of(prefix);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let encoded = text.strip_prefix(prefix).ok_or_else(wrong)?;
    if encoded.len() != 44 {
        return Err(wrong());
    }
    let mut bytes = Zeroizing::new([0_u8; 33]);
    let length = STANDARD.decode_slice(encoded, &mut *bytes).map_err(|_| wrong())?;
    let mut key = Zeroizing::new([0_u8; 32]);
    key.copy_from_slice(bytes.get(..32).ok_or_else(wrong)?);
    if length != 32 || key.iter().all(|byte| *byte == 0) {
        return Err(wrong());
    }
    Ok(key)
}

/// Writes 256 bits behind a prefix, in base64 (RFC 4648 §4).
pub(crate) fn encode(prefix: &str, key: &[u8; 32]) -> Secret {
    let mut encoded = Zeroizing::new([0_u8; 44]);
    let length = STANDARD.encode_slice(key, &mut *encoded).unwrap_or(0);
    let mut text = String::with_capacity(prefix.len() + length);
    text.push_str(prefix);
    text.extend(encoded.iter().take(length).map(|byte| char::from(*byte)));
    Secret::new(text)
}

impl KeyText for InstallationKey {
    fn parse(text: &str) -> Result<Self, KeyTextError> {
        decode(TEXT_PREFIX, text).map(Self)
    }

    fn to_text(&self) -> Secret {
        encode(TEXT_PREFIX, &self.0)
    }
}

impl InstallationKey {
    /// Makes a new key. Called by `server init` alone; nothing else makes one.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    /// The name of this key.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(FINGERPRINT_DOMAIN);
        hash.update(self.0.as_slice());
        let digest = hash.finalize();
        let mut bytes = [0_u8; 8];
        bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        Fingerprint(bytes)
    }

    /// A key made of these bytes, for the other modules of this crate.
    pub(crate) const fn of_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The key's bytes, for the cipher.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstallationKey({})", self.fingerprint())
    }
}

/// The first 64 bits of the SHA-256 of a key, behind a prefix of its own: it names the key and reveals nothing of it.
/// Printed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(crate) [u8; 8]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    /// Golden: a change of text form or fingerprint would orphan every existing installation.
    #[test]
    fn text_and_fingerprint_are_these() {
        let key = InstallationKey::generate(&mut Fixed(7));
        assert_eq!(key.to_text().expose(), "mayfly-key-v1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        assert_eq!(key.fingerprint().to_string().len(), 16);
        assert_eq!(InstallationKey::parse(key.to_text().expose()).unwrap().fingerprint(), key.fingerprint());
        assert_ne!(InstallationKey::generate(&mut Fixed(8)).fingerprint(), key.fingerprint());
        let printed = format!("{key:?}");
        assert!(printed.contains(&key.fingerprint().to_string()) && !printed.contains("BwcH"), "{printed}");
    }

    #[test]
    fn anything_but_the_exact_text_is_refused() {
        let good = InstallationKey::generate(&mut Fixed(7)).to_text();
        let good = good.expose();
        assert!(InstallationKey::parse(&format!("{good}\n")).is_ok());
        for bad in [
            String::new(),
            good[14..].to_owned(),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}\r\n"),
            format!("{good}\n\n"),
            good.replace("v1", "v2"),
            good.replace('=', ""),
            good.replace("Bwc=", "Bwd="),
            good.replace("Bwc=", "Bw=="),
            good.replace("BwcH", "Bw-H"),
            format!("{good}{good}"),
            format!("mayfly-key-v1:{}=", "A".repeat(43)),
        ] {
            assert!(InstallationKey::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
