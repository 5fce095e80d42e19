//! Accepting clients, whatever they speak.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};

/// How long the loop waits after an error of accepting. Out of file handles, an immediate second try fails as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a client that has vanished without a word is found out: silence before the first probe, between probes, and how
/// many stay unanswered.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(10), 6);

/// Accepts clients until `shutdown` completes, and hands each to `admit`, which must not wait for it.
pub(crate) async fn accept(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
    mut admit: impl FnMut(TcpStream, SocketAddr) + Send,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "Accepting a client failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Sets what every client's socket has.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (idle, interval, probes) = KEEPALIVE;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, idle)?;
    sockopt::set_tcp_keepintvl(stream, interval)?;
    sockopt::set_tcp_keepcnt(stream, probes)?;
    Ok(())
}
