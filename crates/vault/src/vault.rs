//! Sealing and opening.

use crate::aead::{self, KEY, NONCE};
use crate::envelope::{Parts, SECRET_MOST, Sealed};
use crate::error::VaultError;
use crate::key::{Fingerprint, InstallationKey};
use crate::slot::Slot;
use mayfly_domain::{Entropy, Secret};
use zeroize::Zeroizing;

/// What stands in front of the associated data of each layer, so that one is never taken for the other.
const KEY_DOMAIN: &str = "mayfly record key v1";
const VALUE_DOMAIN: &str = "mayfly sealed value v1";

/// The version of record keys made now.
const KEY_VERSION: u32 = 1;

/// The holder of the installation's key.
#[derive(Debug)]
pub struct Vault {
    key: InstallationKey,
}

impl Vault {
    /// A vault with this key. Whether it is the right one is told by [`Vault::verify`](Vault::verify).
    pub fn new(key: InstallationKey) -> Self {
        Self { key }
    }

    /// The name of the key in use.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    /// The key, for the other modules of this crate.
    pub(crate) fn key(&self) -> &InstallationKey {
        &self.key
    }

    /// Seals `secret` for `slot` under a new record key, with nonces drawn from `entropy`.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] above 64 KiB.
    pub fn seal(&self, slot: &Slot<'_>, secret: &Secret, entropy: &mut dyn Entropy) -> Result<Sealed, VaultError> {
        let clear = secret.expose().as_bytes();
        if clear.len() > SECRET_MOST {
            return Err(VaultError::TooLong { most: SECRET_MOST });
        }
        let mut record_key = Zeroizing::new([0_u8; KEY]);
        let (mut key_nonce, mut nonce) = ([0_u8; NONCE], [0_u8; NONCE]);
        entropy.fill(&mut *record_key);
        entropy.fill(&mut key_nonce);
        entropy.fill(&mut nonce);
        let too_long = |_| VaultError::TooLong { most: SECRET_MOST };
        let place = slot.place(KEY_DOMAIN, KEY_VERSION);
        let key = aead::seal(self.key.bytes(), &key_nonce, &place, &*record_key).map_err(too_long)?;
        let binding = slot.binding(VALUE_DOMAIN, KEY_VERSION);
        let value = aead::seal(&record_key, &nonce, &binding, clear).map_err(too_long)?;
        let fingerprint = self.fingerprint();
        Ok(Parts { fingerprint, key_version: KEY_VERSION, key_nonce, key: &key, nonce, value: &value }.write())
    }

    /// Opens what was sealed for exactly `slot`.
    ///
    /// # Errors
    /// [`VaultError`] with the reason: not sealed, another key, altered or moved, or the destination differs.
    pub fn open(&self, slot: &Slot<'_>, sealed: &Sealed) -> Result<Secret, VaultError> {
        let parts = Parts::read(sealed.as_bytes())?;
        let found = self.fingerprint();
        if parts.fingerprint != found {
            return Err(VaultError::WrongKey { expected: parts.fingerprint, found });
        }
        let place = slot.place(KEY_DOMAIN, parts.key_version);
        let opened =
            aead::open(self.key.bytes(), &parts.key_nonce, &place, parts.key).map_err(|_| VaultError::Tampered)?;
        let mut record_key = Zeroizing::new([0_u8; KEY]);
        record_key.copy_from_slice(opened.get(..KEY).ok_or(VaultError::Tampered)?);
        let binding = slot.binding(VALUE_DOMAIN, parts.key_version);
        let clear =
            aead::open(&record_key, &parts.nonce, &binding, parts.value).map_err(|_| VaultError::DestinationChanged)?;
        // Only text is ever sealed; anything else was not sealed here.
        let text = std::str::from_utf8(&clear).map_err(|_| VaultError::Tampered)?;
        Ok(Secret::new(text.to_owned()))
    }
}
