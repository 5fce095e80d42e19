//! One request to a receiver that an administrator has named: over TLS, to the address that was asked about, and nowhere else.
//! A redirect is an answer like any other.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use mayfly_dial::{DialError, Dialer, tls_connect};
use mayfly_domain::{Destination, Endpoint, Outlet, Permit, Trust};
use rustls::ClientConfig;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long reaching the receiver may take.
const REACH: Duration = Duration::from_secs(10);
/// How long it may take with its answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How much of its answer is read.
const ANSWER_MOST: usize = 64 * 1024;

/// An address of the web, over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    pub endpoint: Endpoint,
    /// The path with the query.
    path: String,
}

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| format!("{text:?} is not an address"))?;
        if uri.scheme_str() != Some("https") {
            return Err(format!("{text:?} does not begin with https://: nothing is sent without TLS"));
        }
        let authority = uri.authority().ok_or_else(|| format!("{text:?} names no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(format!("{text:?} must name a host, and no user"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
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

/// A way to receivers.
#[derive(Clone)]
pub struct Poster {
    /// Whom to believe.
    pub tls: Arc<ClientConfig>,
    /// The proof that they may be reached.
    pub(crate) outlet: Outlet,
    /// Which addresses their names may lead to.
    pub allowed: fn(IpAddr) -> bool,
}

impl Poster {
    /// A way to a receiver that settings call `name`.
    pub fn new(name: &str, tls: Arc<ClientConfig>, allowed: fn(IpAddr) -> bool) -> Self {
        Self { tls, outlet: crate::outlet::named(name), allowed }
    }

    /// Posts a body and answers the status of the receiver's answer.
    ///
    /// # Errors
    /// [`PostError`] when there is none.
    pub async fn post(
        &self,
        url: &Url,
        kind: &str,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Result<u16, PostError> {
        // The trust stands in the TLS settings; the destination says only where.
        let destination = Destination { endpoint: url.endpoint.clone(), trust: Trust::NotPinned };
        let permit = Permit::Report(&self.outlet);
        let stream = Dialer.connect_where(permit, &destination, self.allowed, REACH).await?;
        let stream = tls_connect(Arc::clone(&self.tls), &url.endpoint, stream, REACH).await?.stream;
        let mut request = Request::post(url.path.as_str())
            .header(HOST, url.endpoint.to_string())
            .header(USER_AGENT, concat!("Mayfly/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(PostError::Request)?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(PostError::Broken)?;
            let answered = async {
                let answer = sender.send_request(request).await.map_err(PostError::Broken)?;
                let status = answer.status().as_u16();
                // What it says beside the status helps nobody; it is read so that the connection ends in order.
                drop(Limited::new(answer.into_body(), ANSWER_MOST).collect().await);
                Ok(status)
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
}
