//! The way to the server: its local socket, or HTTPS with a token or as a person who has signed in. What is believed of a server is settled before anything is
//! sent to it.

use super::SOCKET;
use crate::failure::Failure;
use crate::signed_in::{self, SignedIn};
use hyper::Uri;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zeroize::Zeroizing;

/// Where a server is.
#[derive(Debug)]
pub(crate) enum Place {
    /// At the end of a Unix socket.
    Socket(PathBuf),
    /// At a URL.
    Url(Address),
}

/// Where a server is over HTTPS.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Its host, as its certificate names it.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The host as TLS checks it.
    pub(super) name: ServerName<'static>,
}

/// A way to the server.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// The server's Unix socket.
    Socket(PathBuf),
    /// HTTPS.
    Https(Arc<Https>),
}

/// A server that is reached over HTTPS.
#[derive(Clone)]
pub(crate) struct Https {
    /// Where it is.
    pub(super) address: Address,
    /// What is believed.
    pub(super) connector: TlsConnector,
    /// What is believed instead of what this machine believes, as PEM.
    ca_pem: Option<String>,
    /// What is shown there.
    shown: Shown,
}

/// What a server is shown by whoever asks.
#[derive(Clone)]
pub(crate) enum Shown {
    /// Nothing.
    Nothing,
    /// A token to administer with.
    Token(Zeroizing<String>),
    /// A sign-in that was kept.
    SignIn(Box<SignedIn>),
}

impl Shown {
    /// The token that the environment holds, if it does.
    pub(crate) fn of_environment() -> Self {
        let token = std::env::var("MAYFLY_TOKEN").ok().filter(|token| !token.is_empty());
        token.map_or(Self::Nothing, |token| Self::Token(Zeroizing::new(token)))
    }
}

impl fmt::Debug for Https {
    /// Without what is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Https({})", self.address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Https(https) => write!(f, "{}", https.address),
        }
    }
}

impl Address {
    /// Host and port as a URL has them (RFC 3986 §3.2).
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none of a server.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = || {
            let shown = crate::escape::line(url);
            Failure::usage(format!("{shown} is not the URL of a server: it is https://HOST or https://HOST:PORT"))
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("https") || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
        Ok(Self { host, port: authority.port_u16().unwrap_or(443), name })
    }
}

impl Https {
    /// Its URL.
    pub(crate) fn url(&self) -> String {
        self.address.to_string()
    }

    /// Where it listens.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (&self.address.host, self.address.port)
    }

    /// What is believed instead of what this machine believes, as PEM.
    pub(crate) fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The sign-in that is shown.
    pub(crate) fn signed_in(&self) -> Option<&SignedIn> {
        if let Shown::SignIn(kept) = &self.shown { Some(kept) } else { None }
    }

    /// The same server, which is shown nothing.
    pub(crate) fn shown_nothing(&self) -> Self {
        Self { shown: Shown::Nothing, ..self.clone() }
    }
}

impl Way {
    /// The token to show on it.
    pub(super) fn token(&self) -> Option<&str> {
        let Self::Https(https) = self else { return None };
        match &https.shown {
            Shown::Nothing => None,
            Shown::Token(token) => Some(token),
            Shown::SignIn(kept) => Some(&kept.secret),
        }
    }

    /// The person whose kept sign-in is shown, whether or not the server still takes it.
    pub(crate) fn person(&self) -> Option<&str> {
        let Self::Https(https) = self else { return None };
        https.signed_in().map(|kept| kept.person.as_str())
    }

    /// What signs a person in there; `None` where another token is shown, or the kernel says who asks.
    pub(crate) fn sign_in_with(&self) -> Option<String> {
        match self {
            Self::Https(https) if !matches!(https.shown, Shown::Token(_)) => {
                Some(format!("mayfly login {}", https.url()))
            }
            _ => None,
        }
    }
}

/// Where the server is: at the URL that is named, else at the socket, else where somebody has signed in last, else at the socket where
/// servers listen.
///
/// # Errors
/// When the URL is none of a server, or what is kept cannot be used.
pub(crate) fn place(url: Option<&str>, socket: Option<PathBuf>) -> Result<Place, Failure> {
    match (url, socket) {
        (Some(url), _) => Address::parse(url).map(Place::Url),
        (None, Some(socket)) => Ok(Place::Socket(socket)),
        (None, None) => match signed_in::current()? {
            Some(kept) => Address::parse(&kept.server).map(Place::Url),
            None => Ok(Place::Socket(PathBuf::from(SOCKET))),
        },
    }
}

/// The way to a server. `ca` is a PEM file of what to believe instead of what this machine believes; `shown` what is shown there, in
/// whose stead a kept sign-in is where it is nothing.
///
/// # Errors
/// When the file holds no certificate, or what is kept cannot be used.
pub(crate) fn way(
    place: Place,
    ca: Option<&Path>,
    shown: impl FnOnce() -> Result<Shown, Failure>,
) -> Result<Way, Failure> {
    let address = match place {
        Place::Socket(path) => return Ok(Way::Socket(path)),
        Place::Url(address) => address,
    };
    let kept = signed_in::of(&address.to_string())?;
    let (name, ca_pem) = match (ca, &kept) {
        (Some(path), _) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path);
            (shown.clone(), Some(text.map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?))
        }
        (None, Some(kept)) => ("what was kept at the sign-in".to_owned(), kept.ca_pem.clone()),
        (None, None) => (String::new(), None),
    };
    let shown = match (shown()?, kept) {
        (Shown::Nothing, Some(kept)) => Shown::SignIn(Box::new(kept)),
        (shown, _) => shown,
    };
    let connector = TlsConnector::from(Arc::new(believing(roots(&name, ca_pem.as_deref())?)?));
    Ok(Way::Https(Arc::new(Https { address, connector, ca_pem, shown })))
}

/// What is believed: what `text` holds, which is from the place of that name, or else what this machine believes.
fn roots(shown: &str, text: Option<&str>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let Some(text) = text else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
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
        let shown = |url: &str| Address::parse(url).map(|address| address.to_string());
        assert_eq!(shown("https://gw.example.com").unwrap(), "https://gw.example.com:443");
        assert_eq!(shown("https://gw.example.com:8443/").unwrap(), "https://gw.example.com:8443");
        assert_eq!(shown("https://[::1]:1").unwrap(), "https://[::1]:1");
        assert_eq!(shown("https://GW.example.com").unwrap(), "https://gw.example.com:443");
        for bad in ["gw", "http://gw", "https://", "https://gw/v1", "https://a@gw", "https://gw?x", "https://g w"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nothing").unwrap();
        let place = || Place::Url(Address::parse("https://gw").unwrap());
        let asked = way(place(), Some(file.path()), || Ok(Shown::Nothing));
        let Err(Failure::Own { detail, .. }) = asked else { panic!() };
        assert!(detail.contains("holds no certificate"), "{detail}");
    }
}
