//! Starting TLS on an open stream, for protocols that begin in the clear and switch over after a preamble of their own as
//! well as for those that speak TLS from the first byte.

use crate::binding::server_end_point;
use crate::error::{CertificateFault, DialError};
use mayfly_domain::Endpoint;
use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection whose peer has proven who it is.
#[derive(Debug)]
pub struct TlsConnection<S> {
    /// The encrypted stream.
    pub stream: TlsStream<S>,
    /// The `tls-server-end-point` channel binding of this connection (RFC 5929 §4), for SCRAM-SHA-256-PLUS; `None` where
    /// the signature algorithm of the server's certificate has none, as with Ed25519.
    pub server_end_point: Option<Vec<u8>>,
}

/// Performs the TLS handshake as a client of `endpoint` on `stream` within `limit`. A protocol's own preamble, such as
/// PostgreSQL's SSLRequest and its one-byte answer, has been exchanged before.
///
/// `config` comes from [`tls_client_config`](crate::tls_client_config) and decides whom to believe.
///
/// # Errors
/// [`DialError`] when the host is not a name, the certificate is refused, the peer does not speak TLS, closes, or takes too
/// long. The stream is gone then: nothing falls back to plaintext.
pub async fn tls_connect<S>(
    config: Arc<ClientConfig>,
    endpoint: &Endpoint,
    stream: S,
    limit: Duration,
) -> Result<TlsConnection<S>, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name =
        ServerName::try_from(endpoint.host.clone()).map_err(|_| DialError::HostName { host: endpoint.host.clone() })?;
    match tokio::time::timeout(limit, TlsConnector::from(config).connect(name, stream)).await {
        Err(_elapsed) => Err(DialError::TimedOut { endpoint: endpoint.clone(), limit }),
        Ok(Err(error)) => Err(sort(endpoint, error)),
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let server_end_point = certificates.and_then(|chain| chain.first()).and_then(|der| server_end_point(der));
            Ok(TlsConnection { stream, server_end_point })
        }
    }
}

/// Sorts what the TLS library says into what a person can act on.
fn sort(endpoint: &Endpoint, error: io::Error) -> DialError {
    let endpoint = endpoint.clone();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(problem)) => {
            let fault = fault_of(problem);
            DialError::Certificate { endpoint, fault, source: error }
        }
        Some(_) => DialError::NotTls { endpoint, source: error },
        None => DialError::Closed { endpoint, source: error },
    }
}

fn fault_of(problem: &CertificateError) -> CertificateFault {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        _ => CertificateFault::Unusable,
    }
}
