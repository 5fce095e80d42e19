//! A client's socket with what the library does not have: a budget of bytes before sign-in, a stop to reading while too
//! much is kept that the target has not taken, and an end that does not ask the client.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How many bytes a client may send before it has signed in (SECURITY-CASES 80).
const BUDGET: usize = 64 * 1024;

/// How much of a client is kept, in bytes, that the target has not taken; reading stops above it.
const KEPT_MOST: usize = 4 * 1024 * 1024;

/// What keeping one event costs besides its bytes.
const OVERHEAD: usize = 256;

/// What the socket and those who serve it know of each other.
pub(super) struct Line {
    /// What is left of [`BUDGET`].
    budget: AtomicUsize,
    signed_in: AtomicBool,
    /// Whether anything was ever read.
    spoke: AtomicBool,
    kept: AtomicUsize,
    ended: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Line {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            budget: AtomicUsize::new(BUDGET),
            signed_in: AtomicBool::new(false),
            spoke: AtomicBool::new(false),
            kept: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        })
    }

    /// The client has signed in: the budget is no longer of interest.
    pub(super) fn signed_in(&self) {
        self.signed_in.store(true, SeqCst);
    }

    /// Whether the client has sent anything.
    pub(super) fn spoke(&self) -> bool {
        self.spoke.load(SeqCst)
    }

    /// Whether the client has used up what it may send before sign-in.
    pub(super) fn overdrawn(&self) -> bool {
        !self.signed_in.load(SeqCst) && self.budget.load(SeqCst) == 0
    }

    /// Counts `bytes` as kept until what this returns is dropped.
    pub(super) fn keep(self: &Arc<Self>, bytes: usize) -> Kept {
        let cost = bytes.saturating_add(OVERHEAD);
        self.kept.fetch_add(cost, SeqCst);
        Kept { line: Arc::clone(self), cost }
    }

    /// Ends the connection: whoever reads or writes gets an error from now on.
    pub(super) fn end(&self) {
        self.ended.store(true, SeqCst);
        self.reader.wake();
        self.writer.wake();
    }
}

/// Ends the connection when dropped, so that the library's own task ends with the one that serves the client.
pub(super) struct EndOnDrop(pub(super) Arc<Line>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Something of the client's that is kept.
pub(super) struct Kept {
    line: Arc<Line>,
    cost: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let before = self.line.kept.fetch_sub(self.cost, SeqCst);
        if before > KEPT_MOST && before.saturating_sub(self.cost) <= KEPT_MOST {
            self.line.reader.wake();
        }
    }
}

/// The socket, for the library.
pub(super) struct Transport {
    stream: TcpStream,
    line: Arc<Line>,
}

impl Transport {
    pub(super) fn new(stream: TcpStream, line: Arc<Line>) -> Self {
        Self { stream, line }
    }

    fn ended(&self) -> io::Result<()> {
        if self.line.ended.load(SeqCst) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.line.reader.register(cx.waker());
        this.ended()?;
        if this.line.overdrawn() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        if this.line.kept.load(SeqCst) > KEPT_MOST {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let read = buf.filled().len().saturating_sub(before);
        if read > 0 {
            this.line.spoke.store(true, SeqCst);
            let left = this.line.budget.load(SeqCst).saturating_sub(read);
            this.line.budget.store(left, SeqCst);
        }
        polled
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.line.writer.register(cx.waker());
        this.ended()?;
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
