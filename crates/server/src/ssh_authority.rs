//! The local SSH authority: its key and the broker's host key, made once and sealed in the data directory. It signs the host
//! key at each start, so that clients believe one line of `known_hosts` for years.

use crate::authority::AuthorityError;
use mayfly_brokers::ssh::HostKey;
use mayfly_domain::{Entropy, Secret, WallTime};
use mayfly_vault::{Sealed, Slot, Vault};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Certificate, PrivateKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How long a host certificate is good; a new one is made at each start.
const CERTIFICATE_SECONDS: u64 = 397 * 86_400;
/// How far before now it begins to be good, for clients whose clock is behind.
const BACKDATE_SECONDS: u64 = 86_400;

const AUTHORITY: Slot<'static> = Slot { table: "authority", row: "ssh", column: "key", destination: None, owner: None };
const HOST: Slot<'static> = Slot { table: "authority", row: "ssh-host", column: "key", destination: None, owner: None };

fn authority_path(data: &Path) -> PathBuf {
    data.join("ssh-ca.key.sealed")
}

fn host_path(data: &Path) -> PathBuf {
    data.join("ssh-host.key.sealed")
}

/// The files of the data directory that the installation's key seals, with what for.
pub(crate) fn sealed_files(data: &Path) -> Vec<(PathBuf, Slot<'static>)> {
    vec![(authority_path(data), AUTHORITY), (host_path(data), HOST)]
}

/// What the SSH broker proves to clients.
pub(crate) struct SshIdentity {
    /// The host key, with a certificate by the local authority.
    pub(crate) host_key: HostKey,
    /// The public key of the authority, in OpenSSH's form.
    authority: String,
}

impl SshIdentity {
    /// The public key of the authority.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

/// The line of `known_hosts` with which a client believes this server at that host and port (sshd(8), "SSH_KNOWN_HOSTS FILE
/// FORMAT").
pub(crate) fn known_hosts(authority: &str, host: &str, port: u16) -> String {
    let at = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
    format!("@cert-authority {at} {authority}")
}

fn draw(entropy: &mut dyn Entropy) -> PrivateKey {
    let mut seed = Zeroizing::new([0_u8; 32]);
    entropy.fill(&mut *seed);
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

/// Makes the keys of a new installation and puts them into its data directory, where there are none yet.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn create(data: &Path, vault: &Vault, entropy: &mut dyn Entropy) -> Result<(), AuthorityError> {
    for (path, slot) in sealed_files(data) {
        let text = draw(entropy).to_openssh(LineEnding::LF).map_err(AuthorityError::Ssh)?;
        let sealed = vault.seal(&slot, &Secret::new(text.to_string()), entropy)?;
        crate::authority::write(&path, sealed.as_bytes())?;
    }
    Ok(())
}

fn open(path: &Path, slot: &Slot<'_>, vault: &Vault) -> Result<Secret, AuthorityError> {
    let sealed = std::fs::read(path).map_err(|source| AuthorityError::File { path: path.to_owned(), source })?;
    Ok(vault.open(slot, &Sealed::from_bytes(sealed))?)
}

fn private(text: &Secret) -> Result<PrivateKey, AuthorityError> {
    PrivateKey::from_openssh(text.expose()).map_err(AuthorityError::Ssh)
}

/// Loads the keys and signs the host key for this host and this machine's own names.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn load(
    data: &Path,
    vault: &Vault,
    host: &str,
    now: WallTime,
    entropy: &mut dyn Entropy,
) -> Result<SshIdentity, AuthorityError> {
    let authority = private(&open(&authority_path(data), &AUTHORITY, vault)?)?;
    let host_key = open(&host_path(data), &HOST, vault)?;
    let now = u64::try_from(now.micros() / 1_000_000).map_err(|_before_1970| AuthorityError::Clock)?;
    let certificate = sign(&authority, &private(&host_key)?, host, now, entropy).map_err(AuthorityError::Ssh)?;
    let line = certificate.to_openssh().map_err(AuthorityError::Ssh)?;
    let host_key = HostKey::from_pem(&host_key)?.with_certificate(&line)?;
    let mut public = authority.public_key().clone();
    public.set_comment("");
    let authority = public.to_openssh().map_err(AuthorityError::Ssh)?.trim_end().to_owned();
    Ok(SshIdentity { host_key, authority })
}

fn sign(
    authority: &PrivateKey,
    host_key: &PrivateKey,
    host: &str,
    now: u64,
    entropy: &mut dyn Entropy,
) -> Result<Certificate, ssh_key::Error> {
    let mut nonce = vec![0_u8; 32];
    entropy.fill(&mut nonce);
    let (after, before) = (now.saturating_sub(BACKDATE_SECONDS), now.saturating_add(CERTIFICATE_SECONDS));
    let mut builder = Builder::new(nonce, host_key.public_key(), after, before)?;
    builder.cert_type(CertType::Host)?.key_id(host)?;
    for name in crate::authority::names(host) {
        builder.valid_principal(name)?;
    }
    builder.sign(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_not_22_stands_in_brackets() {
        assert_eq!(known_hosts("ssh-ed25519 A", "gw", 22), "@cert-authority gw ssh-ed25519 A");
        assert_eq!(known_hosts("ssh-ed25519 A", "::1", 2222), "@cert-authority [::1]:2222 ssh-ed25519 A");
    }
}
