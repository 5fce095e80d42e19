//! What the recovery key opens: the keys that live outside the data directory, sealed by it in a file of the data directory. So a
//! copy of the store and what somebody has written down are enough to go on.

use mayfly_domain::{Entropy, InstallationId, Secret};
use mayfly_vault::{AuditKey, InstallationKey, KeyText, RecoveryKey, Sealed, Slot, VaultError};
use std::path::{Path, PathBuf};

/// The file with what the recovery key in force opens.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("recovery.sealed")
}

/// The same of the keys that will be in force once the exchange of keys that is under way is over.
pub(crate) fn next_path(data: &Path) -> PathBuf {
    data.join("recovery.next.sealed")
}

fn slot(installation: &InstallationId) -> Slot<'_> {
    Slot { table: "recovery", row: installation.as_str(), column: "keys", destination: None, owner: None }
}

/// What the recovery key gives back.
pub(crate) struct Recovered {
    /// The installation's key.
    pub(crate) master: InstallationKey,
    /// The key that signs checkpoints.
    pub(crate) audit: AuditKey,
}

/// Seals the keys with the recovery key.
///
/// # Errors
/// [`VaultError`], which does not happen to keys of ours.
pub(crate) fn seal(
    recovery: &RecoveryKey,
    installation: &InstallationId,
    master: &InstallationKey,
    audit: &AuditKey,
    entropy: &mut dyn Entropy,
) -> Result<Sealed, VaultError> {
    let (master, audit) = (master.to_text(), audit.to_text());
    // Exact, so that no half-filled copy stays behind in freed memory.
    let mut text = String::with_capacity(master.expose().len() + 1 + audit.expose().len());
    text.push_str(master.expose());
    text.push('\n');
    text.push_str(audit.expose());
    recovery.seal(&slot(installation), &Secret::new(text), entropy)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`VaultError::WrongKey`] with both names when another recovery key sealed it, and whatever else the vault says.
pub(crate) fn open(
    recovery: &RecoveryKey,
    installation: &InstallationId,
    sealed: &Sealed,
) -> Result<Recovered, VaultError> {
    let text = recovery.open(&slot(installation), sealed)?;
    let (master, audit) = text.expose().split_once('\n').ok_or(VaultError::Tampered)?;
    let master = InstallationKey::parse(master).map_err(|_| VaultError::Tampered)?;
    let audit = AuditKey::parse(audit).map_err(|_| VaultError::Tampered)?;
    Ok(Recovered { master, audit })
}
