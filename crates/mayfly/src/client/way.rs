//! The way to the server: its local socket, or HTTPS with a token. What is believed of a server is settled before anything is
//! sent to it.

use crate::failure::Failure;
use hyper::Uri;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zeroize::Zeroizing;

/// A way to the server.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// The server's Unix socket.
    Socket(PathBuf),
    /// HTTPS.
    Https(Arc<Https>),
}

/// A server that is reached over HTTPS.
pub(crate) struct Https {
    /// Its host, as its certificate names it.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The host as TLS checks it.
    pub(super) name: ServerName<'static>,
    /// What is believed.
    pub(super) connector: TlsConnector,
    /// The token, for `Authorization`.
    pub(super) token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Https {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Https({}:{})", self.host, self.port)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Https(https) => write!(f, "https://{}:{}", https.host, https.port),
        }
    }
}

impl Way {
    /// The token to show on it.
    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::Socket(_) => None,
            Self::Https(https) => https.token.as_ref().map(|token| token.as_str()),
        }
    }

    /// The way to a server by its URL. `ca` is a PEM file of what to believe instead of what this machine believes, `token` what
    /// to show.
    ///
    /// # Errors
    /// When the URL is none of a server, or the file holds no certificate.
    pub(crate) fn https(url: &str, ca: Option<&Path>, token: Option<Zeroizing<String>>) -> Result<Self, Failure> {
        let wrong = || {
            let shown = crate::escape::line(url);
            Failure::usage(format!("{shown} is not the URL of a server: it is https://HOST or https://HOST:PORT"))
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("https") || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
        let port = authority.port_u16().unwrap_or(443);
        let connector = TlsConnector::from(Arc::new(believing(roots(ca)?)?));
        Ok(Self::Https(Arc::new(Https { host, port, name, connector, token })))
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    };
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let added = certificate.ok().map(|certificate| roots.add(certificate));
        if !matches!(added, Some(Ok(()))) {
            return Err(Failure::usage(format!("{shown} holds something that is not a certificate as PEM")));
        }
    }
    if roots.is_empty() {
        return Err(Failure::usage(format!("{shown} holds no certificate as PEM")));
    }
    Ok(roots)
}

fn believing(roots: RootCertStore) -> Result<ClientConfig, Failure> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Failure::unexpected(format!("TLS cannot be used: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_url_of_a_server_is_one() {
        let shown = |url: &str| Way::https(url, None, None).map(|way| way.to_string());
        assert_eq!(shown("https://gw.example.com").unwrap(), "https://gw.example.com:443");
        assert_eq!(shown("https://gw.example.com:8443/").unwrap(), "https://gw.example.com:8443");
        assert_eq!(shown("https://[::1]:1").unwrap(), "https://::1:1");
        for bad in ["gw", "http://gw", "https://", "https://gw/v1", "https://a@gw", "https://gw?x", "https://g w"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nothing").unwrap();
        let Err(Failure::Own { detail, .. }) = Way::https("https://gw", Some(file.path()), None) else { panic!() };
        assert!(detail.contains("holds no certificate"), "{detail}");
    }
}
