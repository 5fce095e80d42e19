//! A TCP forwarder whose link can be cut, stalled, delayed and made to lose or withhold bytes, for tests of
//! unreachable targets and lost replies.
//!
//! It runs on a thread and runtime of its own, so a test's paused clock or blocked thread does not disturb it.

mod pump;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use pump::Shared;

/// What the link does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Bytes pass.
    Open,
    /// Open connections are reset, and new ones are reset as soon as they are made.
    Cut,
    /// Half-open: connections are accepted and stay, no byte passes in either direction.
    Stalled,
    /// Each piece of data passes this long after the one before it has passed, in both directions.
    Delayed(Duration),
    /// What clients send is kept, also beyond a client's end, and reaches the target when the link is open again, as
    /// a packet does that was under way for long. What the target sends passes.
    HoldingRequests,
}

/// A running forwarder. It stops, and its connections end, when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts forwarding from a free port on 127.0.0.1 to `target`.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind the proxy")?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&shared);
        let serve = move || {
            // Errors of accepting (out of file handles) end the proxy, which its users see as a refused connection.
            let _ = runtime.block_on(serve(listener, target, served, stopped));
        };
        let thread = std::thread::Builder::new().name("mayfly-proxy".to_owned()).spawn(serve);
        Ok(Self { port, shared, stop, thread: Some(thread.context("cannot start the proxy's thread")?) })
    }

    /// The port on 127.0.0.1 that clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Changes what the link does, for connections that exist and for new ones.
    pub fn set(&self, link: Link) {
        self.shared.set(link);
    }

    /// Cuts the link: [`Link::Cut`].
    pub fn cut(&self) {
        self.set(Link::Cut);
    }

    /// Stalls the link: [`Link::Stalled`].
    pub fn stall(&self) {
        self.set(Link::Stalled);
    }

    /// Keeps what clients send: [`Link::HoldingRequests`].
    pub fn hold_requests(&self) {
        self.set(Link::HoldingRequests);
    }

    /// Opens the link: bytes pass, what was held or stalled first, and no reply is dropped any more.
    pub fn restore(&self) {
        self.shared.drop_replies_after(None);
        self.set(Link::Open);
    }

    /// Loses replies: after the target has sent `bytes` more, counted over all connections, the connection that goes
    /// beyond is reset for its client and its target, and the rest of what the target sent is lost. With 0 the target
    /// does what the next request asks and the client never learns of it.
    pub fn drop_replies_after(&self, bytes: u64) {
        self.shared.drop_replies_after(Some(bytes));
    }

    /// How many connections have been accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.counters().accepted
    }

    /// How many connections are open to the target now; one whose client has gone counts while its bytes are held.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.shared.counters().open
    }

    /// How many bytes of clients are read and have not been passed on.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.shared.counters().held
    }

    /// How many connections have lost a reply by [`Proxy::drop_replies_after`].
    #[must_use]
    pub fn lost_replies(&self) -> u64 {
        self.shared.counters().lost
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    target: SocketAddr,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            accepted = listener.accept() => {
                let (client, _) = accepted?;
                shared.count(|counters| counters.accepted += 1);
                connections.spawn(connection(client, target, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(client: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let target = match shared.link() {
        Link::Cut => None,
        _ => TcpStream::connect(target).await.ok(),
    };
    let Some(server) = target else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = server.set_nodelay(true);
    shared.count(|counters| counters.open += 1);
    pump::forward(client, server, &shared).await;
    shared.count(|counters| counters.open -= 1);
}
