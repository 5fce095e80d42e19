//! Whether a host is the one that a record trusts: by the fingerprint of its key, or by a certificate of its authority.

use crate::host_key::HostKeyFault;
use mayfly_domain::Trust;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};
use std::time::{SystemTime, UNIX_EPOCH};

/// The fingerprint of a key, `SHA256:…`.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The fingerprint of a public key as it stands in a line of OpenSSH's (`algorithm base64`), `SHA256:…`; `None` when the line
/// cannot be read.
pub fn fingerprint_of_line(line: &str) -> Option<String> {
    PublicKey::from_openssh(line).ok().map(|key| fingerprint(&key))
}

/// The key that was shown, bare or in a certificate.
pub(super) fn shown(key: &PublicKeyOrCertificate) -> PublicKey {
    match key {
        PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
        PublicKeyOrCertificate::Certificate(certificate) => PublicKey::from(certificate.public_key().clone()),
    }
}

/// Judges what a host showed.
pub(super) fn judge(trust: &Trust, host: &str, key: &PublicKeyOrCertificate) -> Result<(), HostKeyFault> {
    match trust {
        Trust::HostKey { fingerprint: pinned } => {
            let found = fingerprint(&shown(key));
            if found == *pinned { Ok(()) } else { Err(HostKeyFault::Changed { pinned: pinned.clone(), found }) }
        }
        Trust::HostAuthority { keys } => match key {
            PublicKeyOrCertificate::PublicKey { .. } => Err(HostKeyFault::NoCertificate),
            PublicKeyOrCertificate::Certificate(certificate) => judge_certificate(keys, host, certificate),
        },
        Trust::NotPinned => Err(HostKeyFault::NotPinned),
        Trust::VerifyFull { .. } | Trust::VerifyCa { .. } | Trust::Plaintext => Err(HostKeyFault::NoTrust),
    }
}

fn judge_certificate(authorities: &str, host: &str, certificate: &Certificate) -> Result<(), HostKeyFault> {
    let lines = authorities.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<PublicKey>, _> = lines.map(PublicKey::from_openssh).collect();
    let keys = keys.map_err(|_unreadable| HostKeyFault::Authority)?;
    if keys.is_empty() {
        return Err(HostKeyFault::Authority);
    }
    let trusted: Vec<_> = keys.iter().map(|key| key.fingerprint(HashAlg::Sha256)).collect();
    #[expect(clippy::disallowed_methods, reason = "a certificate's validity is judged by the wall clock, as TLS does")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_before| HostKeyFault::Certificate)?.as_secs();
    // A host certificate without a principal would be good for every host.
    let named = certificate.valid_principals().iter().any(|name| name.eq_ignore_ascii_case(host));
    // No critical option is defined for hosts (OpenSSH's PROTOCOL.certkeys), so one that stands there is not understood.
    let understood = certificate.critical_options().is_empty();
    let good = certificate.cert_type() == CertType::Host && named && understood;
    if good && certificate.validate_at(now, &trusted).is_ok() { Ok(()) } else { Err(HostKeyFault::Certificate) }
}
