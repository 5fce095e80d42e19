//! Reading slowly from a host, or not at all, while what it has sent is not taken. The library grants a channel more as soon as data
//! arrive, whoever takes them, so the only place where a host can be held back is its socket.

use super::connect::KEEPALIVE;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How fast a host is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As fast as it sends.
    Free,
    /// A few MB in a second: what others on the connection wait for stands behind what nobody takes, and is reached so.
    Slow,
    /// Not at all, but for a sign of life now and then, so that the host is not given up as silent.
    Stopped,
}

impl Reading {
    /// How much is read, in bytes, and how long to wait before each time; nothing for one that is free.
    const fn portion(self) -> Option<(usize, Duration)> {
        match self {
            Self::Free => None,
            Self::Slow => Some((128 * 1024, Duration::from_millis(50))),
            Self::Stopped => Some((36 * 1024, KEEPALIVE)),
        }
    }
}

/// How fast a host is to be read, and who reads it.
pub(super) struct Hold(Mutex<(Reading, Option<Waker>)>);

impl Hold {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((Reading::Free, None))))
    }

    /// Sets how fast the host is read.
    pub(super) fn set(&self, reading: Reading) {
        let mut state = self.state();
        state.0 = reading;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, (Reading, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket of a host that can be held back.
pub(super) struct Holdable {
    stream: TcpStream,
    hold: Arc<Hold>,
    /// When the next portion may be read, and at which speed that is.
    pause: Option<(Reading, Pin<Box<Sleep>>)>,
    /// What is left of the portion.
    allowance: usize,
}

impl Holdable {
    pub(super) fn new(stream: TcpStream, hold: Arc<Hold>) -> Self {
        Self { stream, hold, pause: None, allowance: 0 }
    }

    /// Ready when something may be read.
    fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reading = {
            let mut state = self.hold.state();
            state.1 = Some(cx.waker().clone());
            state.0
        };
        let Some((portion, wait)) = reading.portion() else {
            (self.pause, self.allowance) = (None, 0);
            return Poll::Ready(());
        };
        if self.allowance > 0 {
            return Poll::Ready(());
        }
        if self.pause.as_ref().is_none_or(|(of, _)| *of != reading) {
            self.pause = Some((reading, Box::pin(tokio::time::sleep(wait))));
        }
        if let Some((_, pause)) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
        }
        (self.pause, self.allowance) = (None, portion);
        Poll::Ready(())
    }
}

impl AsyncRead for Holdable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_free(cx));
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.allowance = this.allowance.saturating_sub(buf.filled().len().saturating_sub(before));
        polled
    }
}

impl AsyncWrite for Holdable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
