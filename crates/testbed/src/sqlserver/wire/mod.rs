//! The network side: accepting clients, TLS in both forms, the log-in, requests and their answers.

mod answer;
mod connection;
mod log_in;
mod serve;

pub(crate) use serve::Listener;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Certificates;
use anyhow::{Context as _, Result};

/// What is spoken within `PRELOGIN`.
const TLS_1_2: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// TLS for both forms.
pub(crate) struct Tls {
    /// Within `PRELOGIN`: up to 1.2, since later versions send something behind their handshake, of which neither side knows
    /// whether it stands in a packet.
    wrapped: Arc<ServerConfig>,
    /// Before everything, with its own name.
    strict: Arc<ServerConfig>,
}

impl Tls {
    pub(crate) fn new(certificates: &Certificates) -> Result<Self> {
        let config = |versions: &'static [&'static rustls::SupportedProtocolVersion]| {
            let certificate = CertificateDer::from_pem_slice(certificates.certificate.as_bytes())?;
            let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes())?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
            anyhow::Ok(builder.with_no_client_auth().with_single_cert(vec![certificate], key)?)
        };
        let wrapped = config(TLS_1_2).context("cannot set up TLS")?;
        let mut strict = config(rustls::ALL_VERSIONS).context("cannot set up TLS")?;
        strict.alpn_protocols = vec![mayfly_protocol::tds::ALPN.to_vec()];
        Ok(Self { wrapped: Arc::new(wrapped), strict: Arc::new(strict) })
    }
}
