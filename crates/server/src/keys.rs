//! The keys as the server loads them, and the signer of checkpoints that the store asks.

use crate::config::{Keys, Source};
use crate::files;
use base64::Engine;
use mayfly_domain::{InstallationId, Secret};
use mayfly_engine::ports::trail::CheckpointSigner;
use mayfly_vault::{AuditKey, InstallationKey, KeyText, PrivatePem, SecretLine, SourceError};
use std::path::PathBuf;

/// Reads a key from where the settings say.
fn load<K: KeyText>(source: &Source) -> Result<K, SourceError> {
    source.key_source().load(&|name| std::env::var(name).ok())
}

/// Reads the installation's key.
///
/// # Errors
/// [`SourceError`] that says what was found and what to do; a key is never made here.
pub(crate) fn installation_key(keys: &Keys) -> Result<InstallationKey, SourceError> {
    load(&keys.master)
}

/// Where the new key is kept while the installation's key is exchanged, where that is a file.
pub(crate) fn next_key_path(keys: &Keys) -> Option<PathBuf> {
    match &keys.master {
        Source::File(path) => Some(files::beside(path, ".next")),
        Source::Credential(_) | Source::Env(_) => None,
    }
}

/// Reads the new key while the installation's key is exchanged; `None` when it is not.
///
/// # Errors
/// As [`installation_key`].
pub(crate) fn next_installation_key(keys: &Keys) -> Result<Option<InstallationKey>, SourceError> {
    next_key_path(keys).filter(|path| path.exists()).map(|path| load(&Source::File(path))).transpose()
}

/// Reads the key that signs checkpoints.
///
/// # Errors
/// As [`installation_key`].
pub(crate) fn audit_key(keys: &Keys) -> Result<AuditKey, SourceError> {
    load(&keys.audit)
}

/// Reads the private key of a certificate that was given to us.
///
/// # Errors
/// As [`installation_key`].
pub(crate) fn private_pem(source: &Source) -> Result<PrivatePem, SourceError> {
    load(source)
}

/// Reads a secret line, such as the value of a header.
///
/// # Errors
/// As [`installation_key`].
pub(crate) fn secret_line(source: &Source) -> Result<Secret, SourceError> {
    load(source).map(SecretLine::into_secret)
}

/// Signs checkpoints in the name of an installation.
pub(crate) struct Signer {
    name: String,
    key: AuditKey,
}

impl Signer {
    /// The signer of this installation's trail.
    pub(crate) fn new(installation: &InstallationId, key: AuditKey) -> Self {
        Self { name: key_name(installation), key }
    }
}

/// The name of an installation's key, as it stands in every checkpoint.
pub(crate) fn key_name(installation: &InstallationId) -> String {
    format!("mayfly/{installation}")
}

/// The verifier key of a signed note (<https://c2sp.org/signed-note>): what an auditor keeps to check checkpoints with.
pub(crate) fn verifier_key(installation: &InstallationId, public_key: &[u8; 32]) -> String {
    let name = key_name(installation);
    let mut hashed = name.clone().into_bytes();
    hashed.extend_from_slice(&[b'\n', 0x01]);
    hashed.extend_from_slice(public_key);
    let hash = ring::digest::digest(&ring::digest::SHA256, &hashed);
    let mut typed = vec![0x01];
    typed.extend_from_slice(public_key);
    let key = base64::engine::general_purpose::STANDARD.encode(typed);
    format!("{name}+{}+{key}", mayfly_domain::audit::hex(&hash.as_ref()[..4]))
}

impl CheckpointSigner for Signer {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text)
    }
}
