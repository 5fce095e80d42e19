//! The key with which we prove to clients that we are ourselves, and the certificate of the local authority for it.

use mayfly_domain::{Entropy, Secret};
use russh::keys::ssh_key::{LineEnding, certificate::CertType, private::Ed25519Keypair};
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey};
use zeroize::Zeroizing;

/// A text is not a host key of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyError {
    /// It is no private key in OpenSSH's form, or has a passphrase, or is not Ed25519.
    #[error("not an Ed25519 private key in OpenSSH's form without a passphrase")]
    Key,
    /// It is no host certificate, or one for another key.
    #[error("not an OpenSSH host certificate for this host key")]
    Certificate,
}

/// An Ed25519 host key, with a certificate if there is one.
pub struct HostKey {
    pub(super) key: PrivateKey,
    pub(super) certificate: Option<Certificate>,
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

impl HostKey {
    /// A new key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0_u8; 32]);
        entropy.fill(&mut *seed);
        Self { key: PrivateKey::from(Ed25519Keypair::from_seed(&seed)), certificate: None }
    }

    /// Reads a key in OpenSSH's form (`ssh-keygen -t ed25519 -N ''`).
    ///
    /// # Errors
    /// [`HostKeyError::Key`], never with a part of the text.
    pub fn from_pem(text: &Secret) -> Result<Self, HostKeyError> {
        let key = PrivateKey::from_openssh(text.expose()).map_err(|_unreadable| HostKeyError::Key)?;
        if key.algorithm() != Algorithm::Ed25519 || key.is_encrypted() {
            return Err(HostKeyError::Key);
        }
        Ok(Self { key, certificate: None })
    }

    /// The key in OpenSSH's form, to be kept.
    ///
    /// # Errors
    /// [`HostKeyError::Key`] if it cannot be written, which does not happen to a key that was read or made here.
    pub fn to_pem(&self) -> Result<Secret, HostKeyError> {
        let text = self.key.to_openssh(LineEnding::LF).map_err(|_unwritable| HostKeyError::Key)?;
        Ok(Secret::new(text.as_str().to_owned()))
    }

    /// The key with a certificate for it: one line as in `ssh_host_ed25519_key-cert.pub`. Clients that trust its authority
    /// (`@cert-authority` in `known_hosts`) are shown it instead of the bare key.
    ///
    /// # Errors
    /// [`HostKeyError::Certificate`] for anything that is not a host certificate of this very key.
    pub fn with_certificate(self, line: &str) -> Result<Self, HostKeyError> {
        let certificate = Certificate::from_openssh(line.trim()).map_err(|_unreadable| HostKeyError::Certificate)?;
        let ours = certificate.public_key() == self.key.public_key().key_data();
        if !ours || certificate.cert_type() != CertType::Host || certificate.verify_signature().is_err() {
            return Err(HostKeyError::Certificate);
        }
        Ok(Self { certificate: Some(certificate), ..self })
    }

    /// The public key as it stands in `known_hosts` behind the name: algorithm and base64.
    #[must_use]
    pub fn public_line(&self) -> String {
        let mut public = self.key.public_key().clone();
        public.set_comment("");
        public.to_openssh().unwrap_or_default().trim_end().to_owned()
    }

    /// The fingerprint of its public key, `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_key_reads_as_it_was_written_and_shows_nothing() {
        let key = HostKey::generate(&mut Constant(7));
        let pem = key.to_pem().unwrap();
        assert!(pem.expose().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
        let again = HostKey::from_pem(&pem).unwrap();
        assert_eq!(again.public_line(), key.public_line());
        assert!(key.public_line().starts_with("ssh-ed25519 AAAA"));
        assert_eq!(format!("{key:?}"), format!("HostKey({})", key.fingerprint()));
        assert_ne!(key.fingerprint(), HostKey::generate(&mut Constant(8)).fingerprint());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "secret", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"] {
            assert_eq!(HostKey::from_pem(&Secret::new(text.to_owned())).unwrap_err(), HostKeyError::Key);
        }
        let key = HostKey::generate(&mut Constant(7));
        let line = key.public_line();
        assert_eq!(key.with_certificate(&line).unwrap_err(), HostKeyError::Certificate);
    }
}
