//! One HTTP/1.1 request over a Unix socket.

use super::reach;
use crate::failure::Failure;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
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

/// Connects, sends one request with a JSON body (none when it is empty), and reads the answer.
///
/// # Errors
/// When nobody listens at `socket`, the caller may not use it, the answer is too large, or `limit` has passed.
pub(super) async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Zeroizing<Vec<u8>>,
    limit: Duration,
) -> Result<Answer, Failure> {
    let request = request(method, path, &body)?;
    match tokio::time::timeout(limit, send(socket, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::unexpected(format!(
            "the server at {} did not answer within {} s: its log may say what it waits for",
            socket.display(),
            limit.as_secs()
        ))
        .hint("mayfly status")),
    }
}

fn request(method: Method, path: &str, body: &[u8]) -> Result<Request<Full<Bytes>>, Failure> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "mayfly")
        .header(header::USER_AGENT, concat!("mayfly/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "application/json");
    if !body.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    let request = builder.body(Full::new(Bytes::copy_from_slice(body)));
    request.map_err(|error| Failure::usage(format!("{path} cannot be asked for: {error}")))
}

#[expect(clippy::disallowed_methods, reason = "the command line client speaks to the server's local socket")]
async fn send(socket: &Path, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
    let stream = UnixStream::connect(socket).await.map_err(|error| reach::failure(socket, &error))?;
    let broken = |error: &dyn std::fmt::Display| {
        Failure::unexpected(format!("the server at {} broke off: {error}", socket.display())).hint("mayfly status")
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
