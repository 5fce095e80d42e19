//! What we prove to a host who we are with: a private key, with a certificate or without, or a password.

use super::authority::UserCertificate;
use mayfly_domain::{Failure, FailureClass, Secret};
use ring::hmac;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use std::sync::Arc;

/// What the derivation of a session's key is for, so that the secret serves nothing else with the same bytes.
const SESSION_KEY: &[u8] = b"mayfly: ssh key of a session, version 1";

/// A private key for log-in.
#[derive(Clone)]
pub struct SshKey(Arc<PrivateKey>);

impl std::fmt::Debug for SshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SshKey({})", self.fingerprint())
    }
}

impl SshKey {
    /// The key of a session whose account was made for it: an Ed25519 key derived from the session's secret with HMAC-SHA-256,
    /// so that whoever makes the account and whoever logs in agree on it without another secret to carry.
    pub fn of_session(secret: &Secret) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), SESSION_KEY);
        let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
        seed.copy_from_slice(derived.as_ref());
        Self(Arc::new(PrivateKey::from(Ed25519Keypair::from_seed(&seed))))
    }

    /// Reads a private key in OpenSSH's or PKCS#8's PEM, not protected by a passphrase.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do; never with a part of the text.
    pub fn from_pem(text: &Secret) -> Result<Self, Failure> {
        let unusable = |what: &str| Failure::new(FailureClass::CredentialsRefused, what.to_owned());
        let key = russh::keys::decode_secret_key(text.expose(), None).map_err(|_unreadable| {
            unusable(
                "the private key of the administrative credential cannot be read: give one in OpenSSH's form without a \
                 passphrase (ssh-keygen -t ed25519 -N '')",
            )
        })?;
        Ok(Self(Arc::new(key)))
    }

    /// The public key as it stands in `authorized_keys`: algorithm and base64, without a comment.
    pub fn public_line(&self) -> String {
        let mut public = self.0.public_key().clone();
        public.set_comment("");
        public.to_openssh().unwrap_or_default().trim_end().to_owned()
    }

    /// The private key in OpenSSH's PEM, for a client that reads it from a file.
    ///
    /// # Errors
    /// [`FailureClass::Bug`] when it cannot be written so, which no key that is used here is known for.
    pub fn to_pem(&self) -> Result<Secret, Failure> {
        let pem = self.0.to_openssh(russh::keys::ssh_key::LineEnding::LF);
        let pem = pem.map_err(|_| Failure::new(FailureClass::Bug, "a private key could not be written as PEM"))?;
        Ok(Secret::new(String::clone(&pem)))
    }

    /// The fingerprint of its public key, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key with the hash to sign with, of those that the host said it takes for RSA.
    pub(super) fn with_hash(&self, rsa: Option<HashAlg>) -> PrivateKeyWithHashAlg {
        PrivateKeyWithHashAlg::new(Arc::clone(&self.0), rsa)
    }

    pub(super) fn public(&self) -> &PublicKey {
        self.0.public_key()
    }

    pub(super) fn private(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.0)
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.0.algorithm().is_rsa()
    }
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum SshLogin {
    /// With a key.
    Key(SshKey),
    /// With a key, and a certificate for it of an authority that the host trusts.
    Certificate(SshKey, UserCertificate),
    /// With a password, also where the host asks for it in a dialogue (RFC 4256).
    Password(Secret),
}

impl SshLogin {
    /// A credential's secret as what it is: PEM is a key, anything else a password.
    ///
    /// # Errors
    /// As [`SshKey::from_pem`].
    pub fn of_secret(secret: &Secret) -> Result<Self, Failure> {
        if secret.expose().trim_start().starts_with("-----BEGIN ") {
            SshKey::from_pem(secret).map(Self::Key)
        } else {
            Ok(Self::Password(secret.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_key_is_its_secrets_and_shows_nothing_of_it() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let key = SshKey::of_session(&secret("one"));
        assert_eq!(key.public_line(), SshKey::of_session(&secret("one")).public_line());
        assert_ne!(key.public_line(), SshKey::of_session(&secret("two")).public_line());
        assert!(key.public_line().starts_with("ssh-ed25519 ") && !key.public_line().contains('\n'));
        assert_eq!(format!("{key:?}"), format!("SshKey({})", key.fingerprint()));
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = SshKey::of_session(&Secret::new("one".to_owned()));
        let read = SshKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(read.public_line(), key.public_line());
    }

    #[test]
    fn pem_is_a_key_and_anything_else_a_password() {
        let of = |text: &str| SshLogin::of_secret(&Secret::new(text.to_owned()));
        assert!(matches!(of("correct horse"), Ok(SshLogin::Password(_))));
        let failure =
            of("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret part\n-----END OPENSSH PRIVATE KEY-----\n").unwrap_err();
        assert!(failure.text.contains("ssh-keygen") && !failure.text.contains("secret part"), "{failure}");
    }
}
