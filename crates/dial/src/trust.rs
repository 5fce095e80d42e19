//! What a destination's trust means in TLS: a client configuration that believes exactly the authorities written down, with
//! the host name verified or, where the administrator chose so, not.

use crate::error::{AuthoritiesFault, DialError};
use mayfly_domain::{Secret, Trust};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

/// The certificate with which we say who we are, where a server asks.
#[derive(Debug)]
pub struct ClientIdentity {
    /// PEM: the certificate, then those between it and what the server believes.
    pub certificates: String,
    /// Its private key, as PEM.
    pub key: Secret,
}

/// The TLS client configuration for a destination's trust; `None` only for [`Trust::Plaintext`]. No client certificate.
///
/// # Errors
/// As [`tls_client_config_as`].
pub fn tls_client_config(trust: &Trust) -> Result<Option<Arc<ClientConfig>>, DialError> {
    tls_client_config_as(trust, None)
}

/// The TLS client configuration for a destination's trust; `None` only for [`Trust::Plaintext`].
///
/// TLS 1.2 and 1.3, the authorities of the given PEM and no others, the client certificate given and no other, no session
/// resumption: every connection shows its certificate and has it verified.
///
/// # Errors
/// [`DialError::Authorities`] when the PEM holds no usable authority; one that cannot be read spoils the whole text, since
/// whoever wrote it meant something else. [`DialError::Identity`] when the certificate or the key of `identity` cannot be used.
pub fn tls_client_config_as(
    trust: &Trust,
    identity: Option<&ClientIdentity>,
) -> Result<Option<Arc<ClientConfig>>, DialError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Plaintext => return Ok(None),
        // Written down for SSH: it trusts no authority of certificates, so nothing that TLS could show is good.
        Trust::HostKey { .. } | Trust::HostAuthority { .. } | Trust::NotPinned => {
            return Err(DialError::Authorities(AuthoritiesFault::Empty));
        }
        Trust::VerifyFull { ca_pem } => {
            WebPkiServerVerifier::builder_with_provider(authorities(ca_pem)?, Arc::clone(&provider))
                .build()
                .map_err(|_| DialError::Authorities(AuthoritiesFault::Empty))?
        }
        Trust::VerifyCa { ca_pem } => Arc::new(ChainVerifier {
            roots: authorities(ca_pem)?,
            algorithms: provider.signature_verification_algorithms,
        }),
    };
    configuration(provider, verifier, identity).map(Some)
}

fn configuration(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<&ClientIdentity>,
) -> Result<Arc<ClientConfig>, DialError> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(DialError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = readable(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| DialError::Identity(error.to_string()))?
        }
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Reads what an identity is made of.
fn readable(identity: &ClientIdentity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), DialError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.certificates.as_bytes()).collect();
    let chain = chain.map_err(|_| DialError::Identity("the certificate is not PEM".to_owned()))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes());
    Ok((chain, key.map_err(|_| DialError::Identity("the private key is not PEM".to_owned()))?))
}

/// Reads every certificate of a PEM text as an authority.
fn authorities(pem: &str) -> Result<Arc<RootCertStore>, DialError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| DialError::Authorities(AuthoritiesFault::NotPem))?;
        roots.add(certificate).map_err(|_| DialError::Authorities(AuthoritiesFault::Unreadable))?;
    }
    if roots.is_empty() {
        return Err(DialError::Authorities(AuthoritiesFault::Empty));
    }
    Ok(Arc::new(roots))
}

/// Verifies the chain, the validity and the purpose of a certificate, but not the name in it (libpq's `verify-ca`). Built
/// of the same functions as the library's own verifier, less the one that compares names.
#[derive(Debug)]
struct ChainVerifier {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, self.algorithms.all)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
