//! One HTTP/1.1 request, over a Unix socket or TLS.

use super::reach;
use super::way::Way;
use crate::failure::Failure;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::io::Write as _;
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
    /// When the server gave it, by the server's clock (RFC 9110 §6.6.1).
    pub(super) date: Option<String>,
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
    let read = async |response: Response<Incoming>| {
        let status = response.status();
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body =
            Limited::new(response.into_body(), ANSWER_MOST).collect().await.map_err(|error| broken(way, &*error))?;
        Ok(Answer { status, body: body.to_bytes(), date })
    };
    match tokio::time::timeout(limit, send(way, request, read)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(way, limit)),
    }
}

fn late(way: &Way, limit: Duration) -> Failure {
    let limit = limit.as_secs();
    Failure::unexpected(format!(
        "the server at {way} did not answer within {limit} s: its log may say what it waits for"
    ))
    .hint("mayfly status")
}

fn broken(way: &Way, error: &(impl std::fmt::Display + ?Sized)) -> Failure {
    Failure::unexpected(format!("the server at {way} broke off: {error}")).hint("mayfly status")
}

/// Connects, sends one request, and writes the answer to `to`, however long it is, when it is a success. Gives back the answer without
/// what was written, and the value of the header `named`.
///
/// # Errors
/// As [`exchange`]; `limit` is for each piece of the answer.
pub(super) async fn save(
    way: &Way,
    sent: Sent<'_>,
    limit: Duration,
    named: &str,
    to: &mut std::fs::File,
) -> Result<(Answer, Option<String>), Failure> {
    let request = request(way, sent)?;
    let read = async |response: Response<Incoming>| {
        let status = response.status();
        let value = response.headers().get(named).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (mut body, mut kept) = (response.into_body(), Vec::new());
        loop {
            let frame = tokio::time::timeout(limit, body.frame()).await.map_err(|_| late(way, limit))?;
            let Some(frame) = frame else { break };
            let Ok(bytes) = frame.map_err(|error| broken(way, &error))?.into_data() else { continue };
            let written = if status.is_success() { to.write_all(&bytes) } else { kept.write_all(&bytes) };
            written.map_err(|error| Failure::unexpected(format!("the answer cannot be written: {error}")))?;
            if kept.len() > ANSWER_MOST {
                return Err(broken(way, "its answer is too long"));
            }
        }
        Ok((Answer { status, body: kept.into(), date: None }, value))
    };
    send(way, request, read).await
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
        Way::Https(https) => builder.header(header::HOST, https.address.authority()),
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
async fn send<T>(
    way: &Way,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match way {
        Way::Socket(socket) => {
            let stream = UnixStream::connect(socket).await.map_err(|error| reach::failure(socket, &error))?;
            converse(way, stream, request, read).await
        }
        Way::Https(https) => {
            let at = (https.address.host.as_str(), https.address.port);
            let stream = TcpStream::connect(at).await.map_err(|error| reach::remote(way, &error))?;
            let connected = https.connector.connect(https.address.name.clone(), stream).await;
            converse(way, connected.map_err(|error| reach::untrusted(way, &error))?, request, read).await
        }
    }
}

/// Connects to a port and leaves.
///
/// # Errors
/// When nobody is there, or does not answer within `limit`.
#[expect(clippy::disallowed_methods, reason = "the command line client looks whether the server's ports are reached")]
pub(super) async fn reaches(host: &str, port: u16, limit: Duration) -> std::io::Result<()> {
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    tokio::time::timeout(limit, TcpStream::connect((host, port))).await.map_err(late)?.map(drop)
}

/// One request over a stream that is open, and its answer as it is read.
async fn converse<S: AsyncRead + AsyncWrite + Unpin, T>(
    way: &Way,
    stream: S,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(way, &error))?;
    let work = async move {
        let response = sender.send_request(request).await.map_err(|error| broken(way, &error))?;
        read(response).await
    };
    // The connection ends once the sender is dropped; what it says of its own end adds nothing to the answer.
    let (answer, _) = tokio::join!(work, connection);
    answer
}
