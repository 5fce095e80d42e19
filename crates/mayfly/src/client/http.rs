//! One HTTP/1.1 request, over a Unix socket or TLS.

use super::reach;
use super::way::Way;
use crate::failure::Failure;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use zeroize::Zeroizing;

pub(super) use hyper::Method;

/// The largest answer that is read: a thousand entries of the trail, each as long as one may be.
const ANSWER_MOST: usize = 32 * 1024 * 1024;

/// An answer.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its whole body.
    pub(super) body: Bytes,
}

/// A request.
pub(super) struct Sent<'a> {
    /// Its method.
    pub(super) method: Method,
    /// Its path, with parameters.
    pub(super) path: &'a str,
    /// Its JSON body; none when it is empty.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// The revision that it is for, as `If-Match`.
    pub(super) revision: Option<u64>,
}

impl<'a> Sent<'a> {
    /// A request without body or condition.
    pub(super) fn bare(method: Method, path: &'a str) -> Self {
        Self { method, path, body: Zeroizing::new(Vec::new()), revision: None }
    }
}

/// Connects, sends one request, and reads the answer.
///
/// # Errors
/// When nobody answers there, the caller may not use it, the answer is too large, or `limit` has passed.
pub(super) async fn exchange(way: &Way, sent: Sent<'_>, limit: Duration) -> Result<Answer, Failure> {
    let request = request(way, sent)?;
    match tokio::time::timeout(limit, send(way, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::unexpected(format!(
            "the server at {way} did not answer within {} s: its log may say what it waits for",
            limit.as_secs()
        ))
        .hint("mayfly status")),
    }
}

fn request(way: &Way, sent: Sent<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let Sent { method, path, body, revision } = sent;
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{path} cannot be asked for: {error}"));
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::USER_AGENT, concat!("mayfly/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "application/json");
    builder = match way {
        Way::Socket(_) => builder.header(header::HOST, "mayfly"),
        Way::Https(https) => builder.header(header::HOST, format!("{}:{}", https.host, https.port)),
    };
    if let Some(token) = way.token() {
        let text = Zeroizing::new(format!("Bearer {token}"));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Failure::usage("the token holds signs that no token has: is it the right file?"))?;
        value.set_sensitive(true);
        builder = builder.header(header::AUTHORIZATION, value);
    }
    if let Some(revision) = revision {
        builder = builder.header(header::IF_MATCH, format!("\"{revision}\""));
    }
    if !body.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    builder.body(Full::new(Bytes::copy_from_slice(&body))).map_err(|error| wrong(&error))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line client speaks to the server's local socket and its API"
)]
async fn send(way: &Way, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
    match way {
        Way::Socket(socket) => {
            let stream = UnixStream::connect(socket).await.map_err(|error| reach::failure(socket, &error))?;
            converse(way, stream, request).await
        }
        Way::Https(https) => {
            let at = (https.host.as_str(), https.port);
            let stream = TcpStream::connect(at).await.map_err(|error| reach::remote(way, &error))?;
            let connected = https.connector.connect(https.name.clone(), stream).await;
            converse(way, connected.map_err(|error| reach::untrusted(way, &error))?, request).await
        }
    }
}

/// One request and its answer over a stream that is open.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    way: &Way,
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::unexpected(format!("the server at {way} broke off: {error}")).hint("mayfly status")
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let work = async move {
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MOST).collect().await.map_err(|error| broken(&error))?;
        Ok(Answer { status, body: body.to_bytes() })
    };
    // The connection ends once the sender is dropped; what it says of its own end adds nothing to the answer.
    let (answer, _) = tokio::join!(work, connection);
    answer
}
