//! The key check: bytes in the store that tell at the start whether the key is the one with which this store's secrets were
//! sealed. A missing or wrong key stops the start; a new key is never made over an existing store.

use crate::aead::{self, NONCE, TAG};
use crate::error::VaultError;
use crate::key::{Fingerprint, InstallationKey};
use crate::slot::append;
use crate::vault::Vault;
use mayfly_domain::{Entropy, InstallationId};
use std::fmt;

/// The version of the check: 0x01, fingerprint (8), nonce (24), sealed proof (32).
const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"mayfly key check v1";
const PROOF: &[u8; 16] = b"mayfly key check";
const LENGTH: usize = 1 + 8 + NONCE + PROOF.len() + TAG;

/// The key check as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyCheck(Vec<u8>);

impl KeyCheck {
    /// Takes bytes read from the store.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fingerprint of the key that this store needs, for the message of a start without any key.
    ///
    /// # Errors
    /// [`VaultError::NotSealed`] when the bytes are no key check.
    pub fn expected(&self) -> Result<Fingerprint, VaultError> {
        self.parts().map(|(fingerprint, _, _)| fingerprint)
    }

    /// Whether `key` is the one that the store of `installation` needs.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] with the fingerprint expected; [`VaultError::Tampered`] when the check was altered or is
    /// another installation's; [`VaultError::NotSealed`] when it is no check.
    pub fn verify(&self, installation: &InstallationId, key: &InstallationKey) -> Result<(), VaultError> {
        let (expected, nonce, proof) = self.parts()?;
        let found = key.fingerprint();
        if expected != found {
            return Err(VaultError::WrongKey { expected, found });
        }
        aead::open(key.bytes(), &nonce, &associated(installation), proof)
            .map_err(|_| VaultError::Tampered)
            .map(|_proof| ())
    }

    fn parts(&self) -> Result<(Fingerprint, [u8; NONCE], &[u8]), VaultError> {
        if self.0.len() != LENGTH || self.0.first() != Some(&VERSION) {
            return Err(VaultError::NotSealed);
        }
        let rest = self.0.get(1..).ok_or(VaultError::NotSealed)?;
        let (fingerprint, rest) = rest.split_first_chunk::<8>().ok_or(VaultError::NotSealed)?;
        let (nonce, proof) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::NotSealed)?;
        Ok((Fingerprint(*fingerprint), *nonce, proof))
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCheck({} bytes)", self.0.len())
    }
}

fn associated(installation: &InstallationId) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, DOMAIN);
    append(&mut bytes, installation.as_str().as_bytes());
    bytes
}

impl Vault {
    /// The key check of this key for a new store of `installation`.
    ///
    /// # Errors
    /// None in practice; the cipher refuses only texts far longer than the check.
    pub fn key_check(&self, installation: &InstallationId, entropy: &mut dyn Entropy) -> Result<KeyCheck, VaultError> {
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce);
        let proof = aead::seal(self.key().bytes(), &nonce, &associated(installation), PROOF)
            .map_err(|_| VaultError::TooLong { most: PROOF.len() })?;
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.fingerprint().0);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&proof);
        Ok(KeyCheck(bytes))
    }

    /// Whether this vault's key in use is the one that the store of `installation` needs.
    ///
    /// # Errors
    /// As [`KeyCheck::verify`].
    pub fn verify(&self, installation: &InstallationId, check: &KeyCheck) -> Result<(), VaultError> {
        check.verify(installation, self.key())
    }
}
