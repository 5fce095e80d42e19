//! The authorities with whose certificates sessions log in to hosts that trust them: one for each record, all derived from a
//! seed that is made once and sealed in the data directory. None of them is the authority that signs our own host key.

use crate::authority::{self, AuthorityError};
use mayfly_dial::ssh::UserAuthority;
use mayfly_domain::{Entropy, Prefix, RecordName, Secret};
use mayfly_vault::{Sealed, Slot, Vault};
use std::path::{Path, PathBuf};

const SEED: Slot<'static> =
    Slot { table: "authority", row: "ssh-user", column: "seed", destination: None, owner: None };

fn path(data: &Path) -> PathBuf {
    data.join("ssh-user-ca.seed.sealed")
}

/// The files of the data directory that the installation's key seals, with what for.
pub(crate) fn sealed_files(data: &Path) -> Vec<(PathBuf, Slot<'static>)> {
    vec![(path(data), SEED)]
}

/// The authorities of an installation.
pub(crate) struct UserAuthorities {
    seed: Secret,
    prefix: Prefix,
}

impl UserAuthorities {
    /// The authority of a record. Records have no identity but their name: one of the same name gets the same authority.
    pub(crate) fn of(&self, record: &RecordName) -> UserAuthority {
        UserAuthority::of_record(&self.seed, record, &self.prefix)
    }

    /// What the keys of webhooks are derived from: another value, from which nothing of the authorities follows.
    pub(crate) fn seed_for_webhooks(&self) -> Secret {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.seed.expose().as_bytes());
        let tag = ring::hmac::sign(&key, b"mayfly seed of webhooks v1");
        Secret::new(mayfly_domain::audit::hex(tag.as_ref()))
    }
}

/// Makes the seed of a new installation and puts it into its data directory, where there is none yet.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn create(data: &Path, vault: &Vault, entropy: &mut dyn Entropy) -> Result<(), AuthorityError> {
    let sealed = vault.seal(&SEED, &Secret::random(entropy), entropy)?;
    authority::write(&path(data), sealed.as_bytes())
}

/// Loads the seed, for accounts whose names begin with `prefix`.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn load(data: &Path, vault: &Vault, prefix: &Prefix) -> Result<UserAuthorities, AuthorityError> {
    let path = path(data);
    let sealed = std::fs::read(&path).map_err(|source| AuthorityError::File { path, source })?;
    Ok(UserAuthorities { seed: vault.open(&SEED, &Sealed::from_bytes(sealed))?, prefix: prefix.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use mayfly_vault::InstallationKey;

    #[test]
    fn a_seed_made_once_gives_the_same_authorities_at_every_start() {
        let data = tempfile::tempdir().unwrap();
        let vault = Vault::new(InstallationKey::generate(&mut OsEntropy));
        create(data.path(), &vault, &mut OsEntropy).unwrap();
        let line = || {
            let loaded = load(data.path(), &vault, &Prefix::default()).unwrap();
            loaded.of(&RecordName::parse("web01").unwrap()).public_line()
        };
        assert_eq!(line(), line());
        let again = create(data.path(), &vault, &mut OsEntropy);
        assert!(matches!(again, Err(AuthorityError::File { .. })), "a seed is never made over another");
        let other = Vault::new(InstallationKey::generate(&mut OsEntropy));
        assert!(matches!(load(data.path(), &other, &Prefix::default()), Err(AuthorityError::Sealed(_))));
    }
}
