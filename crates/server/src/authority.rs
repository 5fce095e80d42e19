//! The local certificate authority: made once by `server init`, its key sealed in the data directory. It signs the server's
//! own certificate, anew at each start, so that clients verify one certificate for years.

use crate::config::Https;
use crate::keys;
use mayfly_domain::{InstallationId, Secret, WallTime};
use mayfly_vault::{Sealed, Slot, Vault, VaultError};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;

/// How long the authority's certificate is good.
const AUTHORITY_DAYS: i64 = 3650;
/// How long the server's certificate is good; a new one is made at each start.
const SERVER_DAYS: i64 = 397;
/// How far before now a certificate begins to be good, for clients whose clock is behind.
const BACKDATE_DAYS: i64 = 1;

/// Why the authority cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of it cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Its key does not open.
    #[error("the key of the local certificate authority does not open: {0}")]
    Sealed(#[from] VaultError),
    /// A certificate cannot be made.
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refuses what was made.
    #[error("the server's certificate is refused by the TLS library: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificate given for HTTPS holds none.
    #[error("{0} holds no certificate: it has to be PEM, the server's own certificate first")]
    NoCertificate(PathBuf),
    /// The key given for HTTPS cannot be read.
    #[error("the key of `https.certificate` cannot be read: {0}")]
    GivenKey(String),
    /// The certificate given for HTTPS does not go with its key.
    #[error("{path} and `https.key` do not go together, or are not of a kind that TLS knows: {source}")]
    Given {
        /// The certificate.
        path: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// An SSH key or certificate cannot be read or made.
    #[error("an SSH key of this server cannot be read or made: {0}")]
    Ssh(russh::keys::ssh_key::Error),
    /// The SSH host key cannot be used.
    #[error("the SSH host key of this server cannot be used: {0}")]
    HostKey(#[from] mayfly_brokers::ssh::HostKeyError),
    /// The wall clock shows a time that no certificate can hold.
    #[error("the wall clock shows a time that no certificate can hold: set it right")]
    Clock,
}

fn certificate_path(data: &Path) -> PathBuf {
    data.join("ca.pem")
}

fn key_path(data: &Path) -> PathBuf {
    data.join("ca.key.sealed")
}

const SLOT: Slot<'static> = Slot { table: "authority", row: "local", column: "key", destination: None, owner: None };

/// The files of the data directory that the installation's key seals, with what for.
pub(crate) fn sealed_files(data: &Path) -> Vec<(PathBuf, Slot<'static>)> {
    vec![(key_path(data), SLOT)]
}

fn day(now: WallTime, days: i64) -> Result<OffsetDateTime, AuthorityError> {
    let seconds = (now.micros() / 1_000_000).saturating_add(days.saturating_mul(86_400));
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Clock)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Makes the authority of a new installation and puts it into its data directory, where there is none yet.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn create(
    data: &Path,
    installation: &InstallationId,
    vault: &Vault,
    now: WallTime,
    entropy: &mut dyn mayfly_domain::Entropy,
) -> Result<(), AuthorityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Mayfly {installation}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = day(now, -BACKDATE_DAYS)?;
    params.not_after = day(now, AUTHORITY_DAYS)?;
    let certificate = params.self_signed(&key)?;
    let sealed = vault.seal(&SLOT, &Secret::new(key.serialize_pem()), entropy)?;
    write(&key_path(data), sealed.as_bytes())?;
    write(&certificate_path(data), certificate.pem().as_bytes())
}

/// Writes a file of the data directory that only the server's user reads; never over another.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| AuthorityError::File { path: path.to_owned(), source };
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// The authority's certificate, as PEM.
///
/// # Errors
/// [`AuthorityError::File`].
pub(crate) fn certificate(data: &Path) -> Result<String, AuthorityError> {
    let path = certificate_path(data);
    std::fs::read_to_string(&path).map_err(|source| AuthorityError::File { path, source })
}

/// What the server presents to clients.
#[derive(Clone)]
pub(crate) struct ServerTls {
    /// The TLS settings.
    pub(crate) config: Arc<rustls::ServerConfig>,
    /// The certificate presented, for channel binding.
    pub(crate) certificate: CertificateDer<'static>,
}

/// Makes a certificate for the server and the TLS settings that present it.
///
/// # Errors
/// [`AuthorityError`].
pub(crate) fn server_tls(data: &Path, vault: &Vault, host: &str, now: WallTime) -> Result<ServerTls, AuthorityError> {
    let path = key_path(data);
    let sealed = std::fs::read(&path).map_err(|source| AuthorityError::File { path, source })?;
    let authority_key = KeyPair::from_pem(vault.open(&SLOT, &Sealed::from_bytes(sealed))?.expose())?;
    let issuer = Issuer::from_ca_cert_pem(&certificate(data)?, authority_key)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names(host))?;
    params.distinguished_name = named(host);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = day(now, -BACKDATE_DAYS)?;
    params.not_after = day(now, SERVER_DAYS)?;
    let certificate = params.signed_by(&key, &issuer)?.der().clone();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = presenting(vec![certificate.clone()], private)?;
    Ok(ServerTls { config: Arc::new(config), certificate })
}

/// TLS settings that present this certificate: TLS 1.2 and 1.3, no client certificates.
fn presenting(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

/// The TLS settings of the API: with the certificate that the settings name, or with `own`, which the local authority signed.
///
/// # Errors
/// [`AuthorityError`] that names what of the given certificate and key cannot be used.
pub(crate) fn https_tls(given: Option<&Https>, own: &ServerTls) -> Result<Arc<rustls::ServerConfig>, AuthorityError> {
    let mut config = match given {
        None => rustls::ServerConfig::clone(&own.config),
        Some(given) => {
            let path = given.certificate.clone();
            let text = std::fs::read(&path).map_err(|source| AuthorityError::File { path: path.clone(), source })?;
            let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
            if chain.is_empty() {
                return Err(AuthorityError::NoCertificate(path));
            }
            let key = keys::private_pem(&given.key).map_err(|error| AuthorityError::GivenKey(error.to_string()))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| AuthorityError::GivenKey(error.to_string()))?;
            presenting(chain, key).map_err(|source| AuthorityError::Given { path, source })?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The names in the server's certificate: the public one, and this machine's own, so that a client on the same machine
/// verifies too.
pub(crate) fn names(host: &str) -> Vec<String> {
    let mut names = vec![host.to_owned()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if local != host {
            names.push(local.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use mayfly_vault::InstallationKey;

    #[test]
    fn an_authority_made_once_signs_a_server_and_opens_only_with_its_key() {
        let data = tempfile::tempdir().unwrap();
        let installation = InstallationId::random(&mut OsEntropy);
        let vault = Vault::new(InstallationKey::generate(&mut OsEntropy));
        let now = WallTime::from_micros(1_800_000_000_000_000);
        create(data.path(), &installation, &vault, now, &mut OsEntropy).unwrap();
        assert!(server_tls(data.path(), &vault, "gw.example.com", now).is_ok());
        let again = create(data.path(), &installation, &vault, now, &mut OsEntropy);
        assert!(matches!(again, Err(AuthorityError::File { .. })), "an authority is never made over another");
        let other = Vault::new(InstallationKey::generate(&mut OsEntropy));
        assert!(matches!(server_tls(data.path(), &other, "gw", now), Err(AuthorityError::Sealed(_))));
        let sealed = std::fs::read(key_path(data.path())).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("PRIVATE KEY"));
    }
}
