//! The envelope of a sealed value, version 1, in bytes:
//!
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 1 | version of the envelope, 0x01 |
//! | 1 | 8 | fingerprint of the installation's key |
//! | 9 | 4 | version of the record key, big-endian |
//! | 13 | 24 | nonce of the record key |
//! | 37 | 48 | the record key, sealed by the installation's key |
//! | 85 | 24 | nonce of the value |
//! | 109 | 16 and more | the value, sealed by the record key |

use crate::aead::{KEY, NONCE, TAG};
use crate::error::VaultError;
use crate::key::Fingerprint;
use std::fmt;

/// The version of this envelope.
pub(crate) const VERSION: u8 = 1;

/// The longest secret, in bytes: longer than any private key.
pub(crate) const SECRET_MOST: usize = 64 * 1024;

/// Bytes in front of the sealed value.
const HEAD: usize = 1 + 8 + 4 + NONCE + KEY + TAG + NONCE;

/// A sealed value as the store keeps it. Whoever has it learns the length of the secret and nothing else of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes read from the store; whether they are an envelope is checked when they are opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to keep, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The fingerprint of the key that seals this value.
    ///
    /// # Errors
    /// [`VaultError::NotSealed`] when the bytes are no envelope of a known version.
    pub fn fingerprint(&self) -> Result<Fingerprint, VaultError> {
        Parts::read(&self.0).map(|parts| parts.fingerprint)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// The envelope taken apart.
pub(crate) struct Parts<'a> {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) key_version: u32,
    pub(crate) key_nonce: [u8; NONCE],
    pub(crate) key: &'a [u8],
    pub(crate) nonce: [u8; NONCE],
    pub(crate) value: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes the envelope apart without believing anything in it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, VaultError> {
        if bytes.len() < HEAD + TAG || bytes.len() > HEAD + SECRET_MOST + TAG {
            return Err(VaultError::NotSealed);
        }
        let (version, rest) = take::<1>(bytes)?;
        if version != [VERSION] {
            return Err(VaultError::NotSealed);
        }
        let (fingerprint, rest) = take::<8>(rest)?;
        let (key_version, rest) = take::<4>(rest)?;
        let (key_nonce, rest) = take::<NONCE>(rest)?;
        let (key, rest) = rest.split_at_checked(KEY + TAG).ok_or(VaultError::NotSealed)?;
        let (nonce, value) = take::<NONCE>(rest)?;
        let key_version = u32::from_be_bytes(key_version);
        Ok(Self { fingerprint: Fingerprint(fingerprint), key_version, key_nonce, key, nonce, value })
    }

    /// Puts the envelope together.
    pub(crate) fn write(&self) -> Sealed {
        let mut bytes = Vec::with_capacity(HEAD + self.value.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.fingerprint.0);
        bytes.extend_from_slice(&self.key_version.to_be_bytes());
        bytes.extend_from_slice(&self.key_nonce);
        bytes.extend_from_slice(self.key);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(self.value);
        Sealed(bytes)
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), VaultError> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest)).ok_or(VaultError::NotSealed)
}
