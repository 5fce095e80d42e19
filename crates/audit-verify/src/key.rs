//! The public key, and what it says of a signature line of a signed note.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// What stands before an Ed25519 key in a signed note (<https://c2sp.org/signed-note>).
const ED25519: u8 = 1;

/// The text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 32 bytes in base64, or `name+hash+key` as signed notes write it")]
pub struct KeyError;

/// The Ed25519 public key (RFC 8032) that checkpoints are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes the 32 bytes of a key.
    ///
    /// # Errors
    /// [`KeyError`] when they are no point of the curve, or one of the weak ones.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError)?;
        if key.is_weak() { Err(KeyError) } else { Ok(Self(key)) }
    }

    /// Reads a key: base64 of 32 bytes, or a verifier key of signed notes (`name+hash+base64`).
    ///
    /// # Errors
    /// [`KeyError`] when it is neither.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        // The name may not hold a plus sign; base64 may.
        let (key, typed) = match text.splitn(3, '+').collect::<Vec<_>>()[..] {
            [_, hash, key] if hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => (key, true),
            _ => (text, false),
        };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError)?;
        let key = match (typed, bytes.split_first()) {
            (true, Some((&ED25519, key))) => key,
            (true, _) => return Err(KeyError),
            (false, _) => &bytes,
        };
        Self::from_bytes(key.try_into().map_err(|_| KeyError)?)
    }

    /// The four bytes by which a signature line says which key made it.
    pub(crate) fn hash(&self, name: &str) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(name);
        hasher.update([b'\n', ED25519]);
        hasher.update(self.0.as_bytes());
        let hash = hasher.finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether the signature over `text` is this key's.
    pub(crate) fn signed(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verifier key in the documentation of Go's `golang.org/x/mod/sumdb/note`, and the note that it signs there.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn both_forms_of_a_key_are_read() {
        let key = PublicKey::parse(VKEY).unwrap();
        assert_eq!(key.hash("PeterNeumann"), [0xc7, 0x4f, 0x20, 0xa3]);
        assert_eq!(PublicKey::parse(&format!("{}\n", STANDARD.encode(key.0.as_bytes()))), Ok(key));
        for bad in ["", "AAAA", "name+c74f20a3+AhpcAA==", &STANDARD.encode([0_u8; 32])] {
            assert_eq!(PublicKey::parse(bad), Err(KeyError), "{bad}");
        }
    }

    #[test]
    fn the_published_note_verifies_and_an_edited_one_does_not() {
        let key = PublicKey::parse(VKEY).unwrap();
        let text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let bytes = STANDARD.decode(line).unwrap();
        let signature: [u8; 64] = bytes[4..].try_into().unwrap();
        assert_eq!(bytes[..4], key.hash("PeterNeumann"));
        assert!(key.signed(text.as_bytes(), &signature));
        assert!(!key.signed(text.replace("answer", "ansver").as_bytes(), &signature));
    }
}
