//! One HTTP/1.1 connection, with the limits that the framework's own server leaves out (SECURITY-CASES §0.5): the head of a
//! request has to arrive in time, and there are only so many headers.

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

/// How long a caller may take to send the head of a request, and how long a connection may idle between requests.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How many headers a request may have.
const HEADERS_MOST: usize = 64;

/// Serves one connection until it ends.
pub(crate) async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router) {
    let service =
        hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| router.clone().call(request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(HEADERS_MOST)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "An HTTP connection ended");
    }
}
