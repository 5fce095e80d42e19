//! The key that signs checkpoints of the audit trail: Ed25519 (RFC 8032). It is made by `server init`, kept outside the store
//! and apart from the installation's key, so that whoever gets hold of a store cannot sign another history.

use crate::key::{KeyText, KeyTextError, decode, encode};
use mayfly_domain::{Entropy, Secret};
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

/// What the text form starts with.
const TEXT_PREFIX: &str = "mayfly-audit-key-v1:";

/// The signing key. It has no printable form but [`KeyText::to_text`].
pub struct AuditKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl AuditKey {
    /// Makes a new key. Called by `server init` alone.
    ///
    /// # Errors
    /// [`KeyTextError`] if the seed drawn is refused, which does not happen.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<Self, KeyTextError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        entropy.fill(&mut *seed);
        Self::parse(encode(TEXT_PREFIX, &seed).expose())
    }

    /// The public key, 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        let mut key = [0_u8; 32];
        // An Ed25519 public key has 32 bytes.
        key.copy_from_slice(&self.pair.public_key().as_ref()[..32]);
        key
    }

    /// The signature over `text`, 64 bytes.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        let mut signature = [0_u8; 64];
        // An Ed25519 signature has 64 bytes.
        signature.copy_from_slice(&self.pair.sign(text).as_ref()[..64]);
        signature
    }
}

impl KeyText for AuditKey {
    fn parse(text: &str) -> Result<Self, KeyTextError> {
        let seed = decode(TEXT_PREFIX, text)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyTextError::of(TEXT_PREFIX))?;
        Ok(Self { seed, pair })
    }

    fn to_text(&self) -> Secret {
        encode(TEXT_PREFIX, &self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_key_reads_back_and_signs_what_its_public_key_verifies() {
        let key = AuditKey::generate(&mut Fixed).unwrap();
        let again = AuditKey::parse(key.to_text().expose()).unwrap();
        assert_eq!(key.public_key(), again.public_key());
        let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key.public_key());
        assert!(public.verify(b"text", &again.sign(b"text")).is_ok());
        assert!(public.verify(b"other", &again.sign(b"text")).is_err());
    }

    #[test]
    fn an_installation_key_is_not_an_audit_key() {
        let installation = crate::InstallationKey::generate(&mut Fixed);
        assert!(AuditKey::parse(installation.to_text().expose()).is_err());
    }
}
