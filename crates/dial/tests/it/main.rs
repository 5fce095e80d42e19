//! Dialling against real sockets and throw-away certificates (SECURITY-CASES 61, 62): whatever is wrong with the other side,
//! the connection fails, classed, and nothing that was meant for the right server is sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail their test by panicking"
)]

mod certificates;
mod connect;
mod tds;
mod trust;

use mayfly_dial::{DialError, Dialer, TlsConnection, tls_client_config, tls_connect};
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{Destination, Endpoint, Permit, Trust};
use std::time::Duration;
use tokio::net::TcpStream;

/// Far more than loopback needs, so that only what hangs reaches it.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// A destination on loopback.
pub(crate) fn destination(host: &str, port: u16, trust: Trust) -> Destination {
    Destination { endpoint: Endpoint { host: host.to_owned(), port }, trust }
}

/// Dials as an administrator who asks for a look.
pub(crate) async fn dial(destination: &Destination, limit: Duration) -> Result<TcpStream, DialError> {
    let administration = authorise_administration(0, 0).unwrap();
    Dialer.connect(Permit::Inspect(&administration), destination, limit).await
}

/// Dials and starts TLS as the destination's trust demands.
pub(crate) async fn secure(destination: &Destination, limit: Duration) -> Result<TlsConnection<TcpStream>, DialError> {
    let config = tls_client_config(&destination.trust)?.expect("this trust demands TLS");
    let stream = dial(destination, limit).await?;
    tls_connect(config, &destination.endpoint, stream, limit).await
}
