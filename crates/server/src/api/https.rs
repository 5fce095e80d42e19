//! The API over HTTPS: TLS within a time limit, so many connections at once in all and from one source, and never one that
//! neither sends nor reads.

use crate::http;
use crate::peer::Peer;
use crate::reload::HttpsTls;
use axum::{Extension, Router};
use mayfly_brokers::admission::{Admission, Limits, Slot};
use mayfly_engine::Tasks;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Connections at once: from one source, and in all.
const LIMITS: Limits = Limits { per_source: 50, total: 1_000 };
/// How long the handshake of TLS may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves clients until the task set ends, each by what `tls` says when it comes.
pub(crate) async fn serve(listener: TcpListener, tls: HttpsTls, router: Router, tasks: Tasks) {
    let admission = Admission::new(LIMITS);
    loop {
        match listener.accept().await {
            Ok((stream, from)) => match admission.admit(from.ip()) {
                Ok(slot) => {
                    let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
                    tasks.spawn("https client", client(stream, from, slot, acceptor, router.clone()));
                }
                Err(error) => tracing::info!(%error, source = %from.ip(), "Client turned away"),
            },
            Err(error) => {
                tracing::warn!(%error, "A client could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn client(stream: TcpStream, from: SocketAddr, slot: Slot, acceptor: TlsAcceptor, router: Router) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_LIMIT));
    let stream = Box::pin(stream);
    match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            http::connection(stream, router.layer(Extension(Peer::Remote { address: from.ip() }))).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, source = %from.ip(), "A client did not come to terms over TLS"),
        Err(_) => tracing::debug!(source = %from.ip(), "A client did not finish the handshake of TLS in time"),
    }
    drop(slot);
}
