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

/// The holder of the installation's key, and of another one while the key is exchanged.
#[derive(Debug)]
pub struct Vault {
    key: InstallationKey,
    other: Option<InstallationKey>,
}

impl Vault {
    /// A vault with this key. Whether it is the right one is told by [`Vault::verify`](Vault::verify).
    pub fn new(key: InstallationKey) -> Self {
        Self { key, other: None }
    }

    /// The vault with another key, which opens what it has sealed and seals nothing.
    #[must_use]
    pub fn also_opening(self, other: InstallationKey) -> Self {
        Self { other: Some(other), ..self }
    }

    /// The name of the key in use.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    /// The name of the other key, if there is one.
    pub fn other_fingerprint(&self) -> Option<Fingerprint> {
        self.other.as_ref().map(InstallationKey::fingerprint)
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

    /// Seals the record key of a value by the key in use, where the other one has sealed it; `None` where that is done. The value
    /// itself is not opened, so of `slot` only the place counts.
    ///
    /// # Errors
    /// [`VaultError`] when the record key does not open.
    pub fn reseal(
        &self,
        slot: &Slot<'_>,
        sealed: &Sealed,
        entropy: &mut dyn Entropy,
    ) -> Result<Option<Sealed>, VaultError> {
        let parts = Parts::read(sealed.as_bytes())?;
        let fingerprint = self.fingerprint();
        if parts.fingerprint == fingerprint {
            return Ok(None);
        }
        let record_key = self.record_key(slot, &parts)?;
        let mut key_nonce = [0_u8; NONCE];
        entropy.fill(&mut key_nonce);
        let place = slot.place(KEY_DOMAIN, parts.key_version);
        let key = aead::seal(self.key.bytes(), &key_nonce, &place, &*record_key)
            .map_err(|_| VaultError::TooLong { most: SECRET_MOST })?;
        Ok(Some(Parts { fingerprint, key_nonce, key: &key, ..parts }.write()))
    }

    /// Opens the record key of an envelope, with whichever of our keys has sealed it.
    fn record_key(&self, slot: &Slot<'_>, parts: &Parts<'_>) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
        let mut ours = std::iter::once(&self.key).chain(&self.other);
        let key = ours.find(|key| key.fingerprint() == parts.fingerprint);
        let key = key.ok_or(VaultError::WrongKey { expected: parts.fingerprint, found: self.fingerprint() })?;
        let place = slot.place(KEY_DOMAIN, parts.key_version);
        let opened = aead::open(key.bytes(), &parts.key_nonce, &place, parts.key).map_err(|_| VaultError::Tampered)?;
        let mut record_key = Zeroizing::new([0_u8; KEY]);
        record_key.copy_from_slice(opened.get(..KEY).ok_or(VaultError::Tampered)?);
        Ok(record_key)
    }

    /// Opens what was sealed for exactly `slot`.
    ///
    /// # Errors
    /// [`VaultError`] with the reason: not sealed, another key, altered or moved, or the destination differs.
    pub fn open(&self, slot: &Slot<'_>, sealed: &Sealed) -> Result<Secret, VaultError> {
        let parts = Parts::read(sealed.as_bytes())?;
        let record_key = self.record_key(slot, &parts)?;
        let binding = slot.binding(VALUE_DOMAIN, parts.key_version);
        let clear =
            aead::open(&record_key, &parts.nonce, &binding, parts.value).map_err(|_| VaultError::DestinationChanged)?;
        // Only text is ever sealed; anything else was not sealed here.
        let text = std::str::from_utf8(&clear).map_err(|_| VaultError::Tampered)?;
        Ok(Secret::new(text.to_owned()))
    }
}
