//! Opening a TCP connection: one limit over resolving and connecting, every address tried, and socket options that make a
//! dead peer known.

use crate::error::DialError;
use mayfly_domain::{Destination, Endpoint, Permit};
use rustix::net::sockopt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// How many addresses of one name are tried; a resolver's answer is not ours, so it is capped.
const ADDRESSES_MOST: usize = 8;

/// How long a connection is silent before the peer is probed, how far apart the probes are, and how many may stay without
/// an answer. Together a peer that vanished is known after a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// How long sent data may stay unacknowledged, in milliseconds; keepalive does not probe while data is under way.
const UNACKNOWLEDGED_MS: u32 = 60_000;

/// Opens connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialer;

impl Dialer {
    /// Opens a TCP connection to the endpoint of `destination` within `limit`, which covers resolving the name and trying
    /// each of its addresses in the resolver's order. Each address gets an equal share, so that one which swallows packets
    /// does not use up the time of the next.
    ///
    /// The stream is not yet trusted: send nothing secret before [`tls_connect`](crate::tls_connect) has returned, unless
    /// the destination's trust is `Plaintext`. TCP_NODELAY is set, and keepalive finds a peer that vanished.
    ///
    /// # Errors
    /// [`DialError::Resolve`], [`DialError::Connect`] or [`DialError::TimedOut`].
    pub async fn connect(
        &self,
        _permit: Permit<'_>,
        destination: &Destination,
        limit: Duration,
    ) -> Result<TcpStream, DialError> {
        let endpoint = &destination.endpoint;
        match tokio::time::timeout(limit, connect_any(endpoint, None, limit, &|_| true)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(timed_out(endpoint, limit)),
        }
    }

    /// As [`Dialer::connect`], but only to addresses that `allowed` accepts. What is asked is the very address that is then
    /// dialled, so that a name whose answer changes leads nowhere else (SECURITY-CASES §3, 15).
    ///
    /// # Errors
    /// As [`Dialer::connect`]; [`DialError::NotAllowed`] when no address is accepted.
    pub async fn connect_where(
        &self,
        _permit: Permit<'_>,
        destination: &Destination,
        allowed: fn(IpAddr) -> bool,
        limit: Duration,
    ) -> Result<TcpStream, DialError> {
        let endpoint = &destination.endpoint;
        match tokio::time::timeout(limit, connect_any(endpoint, None, limit, &allowed)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(timed_out(endpoint, limit)),
        }
    }

    /// As [`Dialer::connect`], from one of this machine's own addresses: to see whether a target lets anybody in from there.
    ///
    /// # Errors
    /// As [`Dialer::connect`]; an address that is not this machine's, or of another family than the target's, is
    /// [`DialError::Connect`].
    pub async fn connect_from(
        &self,
        _permit: Permit<'_>,
        destination: &Destination,
        source: IpAddr,
        limit: Duration,
    ) -> Result<TcpStream, DialError> {
        let endpoint = &destination.endpoint;
        match tokio::time::timeout(limit, connect_any(endpoint, Some(source), limit, &|_| true)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(timed_out(endpoint, limit)),
        }
    }
}

fn timed_out(endpoint: &Endpoint, limit: Duration) -> DialError {
    DialError::TimedOut { endpoint: endpoint.clone(), limit }
}

/// Resolves the host and tries its addresses one after another.
async fn connect_any(
    endpoint: &Endpoint,
    source: Option<IpAddr>,
    limit: Duration,
    allowed: &(dyn Fn(IpAddr) -> bool + Sync),
) -> Result<TcpStream, DialError> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| DialError::Resolve { endpoint: endpoint.clone(), source: Some(error) })?
        .take(ADDRESSES_MOST)
        .collect();
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = DialError::Resolve { endpoint: endpoint.clone(), source: None };
    for address in addresses {
        if !allowed(address.ip()) {
            last = DialError::NotAllowed { endpoint: endpoint.clone(), address: address.ip() };
            continue;
        }
        last = match tokio::time::timeout(share, connect_one(address, source)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => DialError::Connect { endpoint: endpoint.clone(), source },
            Err(_elapsed) => timed_out(endpoint, limit),
        };
    }
    Err(last)
}

/// Connects to one address and sets the options.
async fn connect_one(address: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one place that opens outbound connections")]
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&stream, KEEPALIVE_PROBES)?;
    sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS)?;
    Ok(stream)
}
