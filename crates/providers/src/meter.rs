//! A cap on what a server may send in answer to one request: a hostile one would otherwise fill our memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than any answer that we ask for, the list of a thousand leftovers included.
const ANSWER_MOST: u64 = 16 * 1024 * 1024;

/// What is left of the cap; shared by a stream and whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<AtomicU64>);

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(ANSWER_MOST)))
    }

    /// Begins a new request.
    pub(crate) fn reset(&self) {
        self.0.store(ANSWER_MOST, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// A stream that ends with an error when more arrives than its meter allows.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    inner: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(crate) const fn new(inner: S, meter: Meter) -> Self {
        Self { inner, meter }
    }

    /// The stream beneath.
    pub(crate) const fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = &polled
            && !self.meter.take(buf.filled().len().saturating_sub(before))
        {
            return Poll::Ready(Err(io::Error::other("the server sends more than was asked for")));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn an_endless_answer_ends_and_a_new_request_begins_anew() {
        let meter = Meter::new();
        let mut stream = Metered::new(tokio::io::repeat(7), meter.clone());
        let mut piece = vec![0_u8; 1024 * 1024];
        for _ in 0..16 {
            stream.read_exact(&mut piece).await.unwrap();
        }
        stream.read_exact(&mut piece).await.unwrap_err();
        meter.reset();
        stream.read_exact(&mut piece).await.unwrap();
    }
}
