//! One request to a receiver that an administrator has named: over TLS, to the address that was asked about, and nowhere else; without
//! TLS to this machine itself alone. A redirect is an answer like any other.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use mayfly_dial::{DialError, Dialer, tls_connect};
use mayfly_domain::{Destination, Endpoint, Outlet, Permit, Trust};
use rustls::ClientConfig;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long reaching the receiver may take.
const REACH: Duration = Duration::from_secs(10);
/// How long it may take with its answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How much of its answer is read.
const ANSWER_MOST: usize = 64 * 1024;

/// An address of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    pub endpoint: Endpoint,
    /// The path with the query.
    path: String,
}

impl Url {
    /// Reads an address that is reached over TLS.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} does not begin with https://: nothing is sent without TLS");
        Self::read(text, "https", 443, wrong)
    }

    /// Reads an address of this machine that is reached without TLS.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse_here(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} does not begin with http://");
        let url = Self::read(text, "http", 80, wrong)?;
        let host = url.endpoint.host.as_str();
        if host != "localhost" && !host.parse().is_ok_and(|address: IpAddr| address.is_loopback()) {
            return Err(format!(
                "{text:?} is not this machine, and nothing leaves it without TLS: name an https:// address"
            ));
        }
        Ok(url)
    }

    fn read(text: &str, scheme: &str, port: u16, wrong: impl Fn() -> String) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| format!("{text:?} is not an address"))?;
        if uri.scheme_str() != Some(scheme) {
            return Err(wrong());
        }
        let authority = uri.authority().ok_or_else(|| format!("{text:?} names no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(format!("{text:?} must name a host, and no user"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(port);
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { endpoint: Endpoint { host, port }, path })
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The receiver is not there, or is not to be trusted.
    #[error("{}", .0.person_text())]
    Dial(#[from] DialError),
    /// It broke off.
    #[error("the receiver broke off before it had answered")]
    Broken(#[source] hyper::Error),
    /// It took too long.
    #[error("the receiver has not answered within {} s", ANSWER.as_secs())]
    Slow,
    /// The request cannot be made.
    #[error("a header of the request cannot be sent")]
    Request(#[source] hyper::http::Error),
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When to come back, as it says it (RFC 9110 §10.2.3).
    pub retry_after: Option<String>,
    /// What it said beside; empty where that was too long or did not come.
    pub body: Vec<u8>,
}

/// A way to receivers.
#[derive(Clone)]
pub struct Poster {
    /// Whom to believe; `None` on the way to this machine itself, without TLS.
    tls: Option<Arc<ClientConfig>>,
    /// The proof that they may be reached.
    outlet: Outlet,
    /// Which addresses their names may lead to.
    allowed: fn(IpAddr) -> bool,
}

impl Poster {
    /// A way to a receiver that settings call `name`, over TLS.
    pub fn new(name: &str, tls: Arc<ClientConfig>, allowed: fn(IpAddr) -> bool) -> Self {
        Self { tls: Some(tls), outlet: crate::outlet::named(name), allowed }
    }

    /// A way to a receiver on this machine that settings call `name`, without TLS. It leads nowhere else, whatever a name resolves to.
    pub fn here(name: &str) -> Self {
        Self { tls: None, outlet: crate::outlet::named(name), allowed: |address| address.is_loopback() }
    }

    /// Posts a body and gives the receiver's answer.
    ///
    /// # Errors
    /// [`PostError`] when there is none.
    pub async fn post(
        &self,
        url: &Url,
        kind: &str,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Result<Answer, PostError> {
        // The trust stands in the TLS settings; the destination says only where.
        let destination = Destination { endpoint: url.endpoint.clone(), trust: Trust::NotPinned };
        let permit = Permit::Report(&self.outlet);
        let stream = Dialer.connect_where(permit, &destination, self.allowed, REACH).await?;
        let mut request = Request::post(url.path.as_str())
            .header(HOST, url.endpoint.to_string())
            .header(USER_AGENT, concat!("Mayfly/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(PostError::Request)?;
        let Some(tls) = &self.tls else { return exchange(stream, request).await };
        exchange(tls_connect(Arc::clone(tls), &url.endpoint, stream, REACH).await?.stream, request).await
    }
}

/// Sends one request over a connection and reads the answer.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, PostError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(PostError::Broken)?;
        let answered = async {
            let answer = sender.send_request(request).await.map_err(PostError::Broken)?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.map(str::to_owned);
            // It is read also where nobody asks for it, so that the connection ends in order.
            let body = Limited::new(answer.into_body(), ANSWER_MOST).collect().await;
            let body = body.map_or_else(|_| Vec::new(), |body| body.to_bytes().to_vec());
            Ok(Answer { status, retry_after, body })
        };
        tokio::pin!(connection, answered);
        tokio::select! {
            biased;
            answer = &mut answered => answer,
            // Once the connection's own work is done, the answer is there or will not come.
            _ = &mut connection => answered.await,
        }
    };
    tokio::time::timeout(ANSWER, exchange).await.unwrap_or(Err(PostError::Slow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_with_a_host_and_no_user() {
        let url = Url::parse("https://hooks.example.com/a/b?c=d").unwrap();
        assert_eq!((url.endpoint.to_string().as_str(), url.path.as_str()), ("hooks.example.com:443", "/a/b?c=d"));
        assert_eq!(Url::parse("https://[2001:db8::1]:8443").unwrap().endpoint.to_string(), "[2001:db8::1]:8443");
        for bad in ["http://hooks.example.com/", "hooks.example.com", "https://", "https://a@b/", "https://a b/", ""] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn without_tls_only_this_machine_is_an_address() {
        let url = Url::parse_here("http://localhost/a").unwrap();
        assert_eq!((url.endpoint.to_string().as_str(), url.path.as_str()), ("localhost:80", "/a"));
        for good in ["http://127.0.0.1:4318/", "http://127.9.9.9:1/", "http://[::1]:4318/"] {
            assert!(Url::parse_here(good).is_ok(), "{good}");
        }
        for bad in
            ["http://example.com/", "http://10.0.0.1/", "http://localhost.example.com/", "https://localhost/", ""]
        {
            assert!(Url::parse_here(bad).is_err(), "{bad}");
        }
    }
}
