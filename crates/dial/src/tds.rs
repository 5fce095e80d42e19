//! TLS as the tabular data stream has it before version 8 (MS-TDS 2.2.6.5 and 3.2.5.2): the bytes of the handshake travel as the
//! data of PRELOGIN packets, everything after it as it is. The exchange of PRELOGIN that agrees on it comes before and is the
//! protocol's own.

use crate::error::DialError;
use crate::tls::{TlsConnection, tls_connect};
use mayfly_domain::Endpoint;
use rustls::ClientConfig;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The header of a packet: its type, its status, its length with the header, and what is 0 here.
const HEADER_LEN: usize = 8;
/// The type of a PRELOGIN packet, and that of an answer, as which a server may send its part (MS-TDS 2.2.3.1.1). No record of
/// TLS begins with either.
const PRELOGIN: u8 = 0x12;
const ANSWER: u8 = 0x04;
/// The status of the last packet of a message.
const END: u8 = 1;
/// The data of one packet: what fits into 4096 bytes, the size before the log-in has agreed on another.
const DATA_MOST: usize = 4096 - HEADER_LEN;

/// Performs the TLS handshake as a client of `endpoint` on `stream`, on which both sides have agreed on it in PRELOGIN.
///
/// # Errors
/// As [`tls_connect`].
pub async fn tls_connect_in_prelogin<S>(
    config: Arc<ClientConfig>,
    endpoint: &Endpoint,
    stream: S,
    limit: Duration,
) -> Result<TlsConnection<InPrelogin<S>>, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = tls_connect(config, endpoint, InPrelogin::new(stream), limit).await?;
    connection.stream.get_mut().0.shaken = true;
    Ok(connection)
}

/// A stream whose handshake travels in packets.
#[derive(Debug)]
pub struct InPrelogin<S> {
    inner: S,
    /// Whether the handshake is over: nothing is put into packets any more.
    shaken: bool,
    /// A packet in the making, and how much of it is sent.
    out: Vec<u8>,
    sent: usize,
    /// The header of the packet that is read, as far as it has come, and how much of its data is still to come.
    header: [u8; HEADER_LEN],
    have: usize,
    left: usize,
    /// Whether the peer puts nothing into packets any more.
    bare: bool,
}

impl<S> InPrelogin<S> {
    /// A stream on which both sides have agreed on TLS in PRELOGIN, and the handshake is next: for a server. A client has
    /// [`tls_connect_in_prelogin`].
    pub fn new(inner: S) -> Self {
        Self { inner, shaken: false, out: Vec::new(), sent: 0, header: [0; HEADER_LEN], have: 0, left: 0, bare: false }
    }
}

impl<S> InPrelogin<S> {
    /// A stream of the strict form, whose handshake travels in no packets (MS-TDS 3.3.5.1).
    pub fn bare(inner: S) -> Self {
        Self { shaken: true, bare: true, ..Self::new(inner) }
    }

    /// The handshake is over: what is written from here on travels in no packets.
    pub fn shaken(&mut self) {
        self.shaken = true;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> InPrelogin<S> {
    /// Reads on until data of a packet, or data without packets, can come.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.bare && self.left == 0 {
            let mut buffer = ReadBuf::new(&mut self.header[self.have..]);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer))?;
            let came = buffer.filled().len();
            if came == 0 {
                self.bare = true;
                return Poll::Ready(Ok(()));
            }
            self.have += came;
            // After its last packet the peer goes on with records of TLS, which are told by their first byte.
            if self.shaken && ![PRELOGIN, ANSWER].contains(&self.header[0]) {
                self.bare = true;
                return Poll::Ready(Ok(()));
            }
            if self.have < HEADER_LEN {
                continue;
            }
            let len = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
            if ![PRELOGIN, ANSWER].contains(&self.header[0]) || len < HEADER_LEN {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the handshake is in no packet")));
            }
            (self.have, self.left) = (0, len - HEADER_LEN);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends the packet that is ready.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.out[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        (self.sent, self.out) = (0, Vec::new());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for InPrelogin<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_header(cx))?;
        if this.bare {
            // What was taken for the beginning of a header comes first.
            if this.have > 0 {
                let count = this.have.min(buf.remaining());
                buf.put_slice(&this.header[..count]);
                this.header.copy_within(count.., 0);
                this.have -= count;
                return Poll::Ready(Ok(()));
            }
            return Pin::new(&mut this.inner).poll_read(cx, buf);
        }
        let room = this.left.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let came = part.filled().len();
        this.left = if came == 0 { 0 } else { this.left - came };
        buf.advance(came);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for InPrelogin<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.shaken {
            ready!(this.poll_out(cx))?;
            return Pin::new(&mut this.inner).poll_write(cx, buf);
        }
        if this.sent > 0 || this.out.len() >= HEADER_LEN + DATA_MOST {
            ready!(this.poll_out(cx))?;
        }
        if this.out.is_empty() {
            this.out.extend([PRELOGIN, END, 0, 0, 0, 0, 0, 0]);
        }
        let count = buf.len().min(HEADER_LEN + DATA_MOST - this.out.len());
        this.out.extend_from_slice(&buf[..count]);
        let len = u16::try_from(this.out.len()).unwrap_or(u16::MAX).to_be_bytes();
        this.out[2..4].copy_from_slice(&len);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
