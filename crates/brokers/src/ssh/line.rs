//! A client's socket with what the library does not have: a budget of bytes before sign-in, a stop to reading while too
//! much is kept that the target has not taken, and an end that does not ask the client.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// How many bytes a client may send before it has signed in (SECURITY-CASES 80).
const BUDGET: usize = 64 * 1024;

/// How much of a channel is kept, in bytes, that the target has not taken; its window stays closed above it.
const CHANNEL_KEPT_MOST: usize = 4 * 1024 * 1024;

/// How much of all channels is kept; above it nothing is read from the client. Windows that are closed are opened sooner, so
/// this is met by clients that send without leave, or on many channels whose targets take nothing.
const KEPT_MOST: usize = 32 * 1024 * 1024;

/// How many times a client may ask at a closed window, and be answered at once, before it is answered more slowly.
const KNOCKS_AT_ONCE: u32 = 64;

/// The longest that it then waits for an answer.
const KNOCK_PAUSE_MOST: Duration = Duration::from_millis(200);

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
    /// How many times in a row the client has met a closed window.
    knocks: AtomicU32,
    /// For how long nothing is to be read, in milliseconds.
    pause: AtomicU64,
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
            knocks: AtomicU32::new(0),
            pause: AtomicU64::new(0),
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

    /// Counts `bytes` of a channel as kept until what this returns is dropped.
    pub(super) fn keep(self: &Arc<Self>, bytes: usize, channel: &Share) -> Kept {
        let cost = bytes.saturating_add(OVERHEAD);
        self.kept.fetch_add(cost, SeqCst);
        channel.0.fetch_add(cost, SeqCst);
        Kept { line: Arc::clone(self), channel: channel.clone(), cost }
    }

    /// The client has met a closed window and is let knock again: the more often in a row, the later.
    pub(super) fn knocked(&self) {
        let knocks = self.knocks.fetch_add(1, SeqCst);
        if let Some(more) = knocks.checked_sub(KNOCKS_AT_ONCE) {
            let pause = KNOCK_PAUSE_MOST.min(Duration::from_millis(1 << more.min(16)));
            self.pause.store(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), SeqCst);
        }
    }

    /// A window was opened.
    pub(super) fn opened(&self) {
        self.knocks.store(0, SeqCst);
        self.pause.store(0, SeqCst);
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

/// What of one channel is kept.
#[derive(Clone, Default)]
pub(super) struct Share(Arc<AtomicUsize>);

impl Share {
    /// Whether it is as much as may be.
    pub(super) fn full(&self) -> bool {
        self.0.load(SeqCst) > CHANNEL_KEPT_MOST
    }
}

/// Something of the client's that is kept.
pub(super) struct Kept {
    line: Arc<Line>,
    channel: Share,
    cost: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.channel.0.fetch_sub(self.cost, SeqCst);
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
    pause: Option<Pin<Box<Sleep>>>,
}

impl Transport {
    pub(super) fn new(stream: TcpStream, line: Arc<Line>) -> Self {
        Self { stream, line, pause: None }
    }

    /// Ready when the client's knocking may be heard again.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let pause = self.line.pause.swap(0, SeqCst);
        if pause > 0 {
            self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(pause))));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
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
        ready!(this.poll_pause(cx));
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
