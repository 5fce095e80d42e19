//! One direction of a relay.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Boundaries, boundaries::Violation};

/// After so many rounds a direction lets the other one, and other tasks, have their turn.
const ROUNDS: usize = 8;

/// How much of an incomplete message is held back at most, in bytes; longer ones are passed on as they come.
const HELD_MOST: usize = 8 * 1024;

/// Why a direction stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The source has said that nothing more comes. Everything was passed on, and so was the end.
    SourceEnded,
    /// The source broke. What had come from it was passed on; the sink is still open.
    SourceFailed,
    /// The sink takes nothing more.
    SinkFailed,
    /// The source does not speak its protocol.
    Violation,
}

/// How a source came to its end.
#[derive(Debug, Clone, Copy)]
enum Ended {
    Orderly,
    Broken,
}

/// One direction: what it still owes to its sink.
pub(super) struct Flow<B> {
    pub(super) boundaries: B,
    /// What was read and not yet written. Has no memory of its own while it is empty.
    backlog: Vec<u8>,
    /// How much of the backlog is written.
    sent: usize,
    /// Where in the backlog its last boundary is.
    boundary: Option<usize>,
    /// Whether the sink may still hold something back.
    unflushed: bool,
    ended: Option<Ended>,
    /// What is to stand at the next boundary.
    insertion: Vec<u8>,
    /// The beginning of a message whose rest has not come. It is of no use to the sink yet, and a sink that has not seen
    /// it stands at a boundary: there a notice can be given, and a cut explained.
    held: Vec<u8>,
}

impl<B: Boundaries> Flow<B> {
    /// A direction that begins with these bytes, which the source has sent already.
    pub(super) fn new(mut boundaries: B, early: Vec<u8>) -> Result<Self, Violation> {
        let boundary = boundaries.follow(&early)?;
        let backlog = early;
        Ok(Self {
            boundaries,
            backlog,
            sent: 0,
            boundary,
            unflushed: false,
            ended: None,
            insertion: Vec::new(),
            held: Vec::new(),
        })
    }

    /// Puts a message at the next boundary, behind those that wait for it already.
    pub(super) fn insert(&mut self, message: &[u8]) {
        self.insertion.extend_from_slice(message);
    }

    /// What has to be written before the sink stands at a boundary; `None` if it cannot be brought to one with what has
    /// been read.
    pub(super) fn remainder(&self) -> Option<Vec<u8>> {
        if self.backlog.is_empty() {
            return self.at_boundary().then(Vec::new);
        }
        let to = self.boundary.filter(|boundary| *boundary >= self.sent)?;
        Some(self.backlog[self.sent..to].to_vec())
    }

    /// Moves what can be moved without waiting. Pending means that a waker is set on whatever is waited for.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        scratch: &mut [u8],
    ) -> Poll<Stop>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..ROUNDS {
            if ready!(self.poll_drain(cx, to)).is_err() {
                return Poll::Ready(Stop::SinkFailed);
            }
            match self.ended {
                Some(Ended::Orderly) => {
                    // A sink that cannot be told is gone already, which is what it would have been told.
                    let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    return Poll::Ready(Stop::SourceEnded);
                }
                Some(Ended::Broken) => return Poll::Ready(Stop::SourceFailed),
                None => {}
            }
            if !self.insertion.is_empty() && self.at_boundary() {
                self.backlog = std::mem::take(&mut self.insertion);
                self.boundary = Some(self.backlog.len());
                continue;
            }
            let read = ready!(self.poll_fill(cx, from, &mut scratch[self.held.len()..]));
            let held = self.held.len();
            let Ok(boundary) = self.boundaries.follow(&scratch[held..held + read]) else {
                return Poll::Ready(Stop::Violation);
            };
            scratch[..held].copy_from_slice(&self.held);
            self.held = Vec::new();
            // Where the held beginning of a message is not complete yet, the last boundary is in front of it.
            let boundary = boundary.map(|at| held + at).or((held > 0).then_some(0));
            let passing = self.hold(&scratch[..held + read], boundary);
            if self.pass(cx, to, passing, boundary).is_err() {
                return Poll::Ready(Stop::SinkFailed);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the sink, once it has everything that was passed on, stands at a boundary.
    fn at_boundary(&self) -> bool {
        !self.held.is_empty() || self.boundaries.at_boundary()
    }

    /// Holds the beginning of an incomplete message back, if it is short. Returns the rest. At an orderly end everything is
    /// passed on as it came; a source that broke leaves the sink at a boundary.
    fn hold<'a>(&mut self, chunk: &'a [u8], boundary: Option<usize>) -> &'a [u8] {
        match boundary.map(|at| chunk.split_at(at)) {
            Some((whole, begun)) if begun.len() <= HELD_MOST && !matches!(self.ended, Some(Ended::Orderly)) => {
                self.held = begun.to_vec();
                whole
            }
            _ => chunk,
        }
    }

    /// Writes the backlog, frees it, and flushes.
    fn poll_drain<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        while self.sent < self.backlog.len() {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.backlog[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.unflushed = true;
        }
        if self.sent > 0 {
            (self.backlog, self.sent, self.boundary) = (Vec::new(), 0, None);
        }
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads all that is there, up to the size of the buffer; waits only if nothing is. Reading on after the first
    /// success makes one large write of several small reads: a TLS record is at most 16 KiB and comes in pieces.
    fn poll_fill<R: AsyncRead + Unpin>(&mut self, cx: &mut Context<'_>, from: &mut R, into: &mut [u8]) -> Poll<usize> {
        let mut buffer = ReadBuf::new(into);
        while buffer.remaining() > 0 {
            let before = buffer.filled().len();
            match Pin::new(&mut *from).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().len() > before => continue,
                Poll::Ready(Ok(())) => self.ended = Some(Ended::Orderly),
                // TLS without a close_notify. Many clients and servers leave so, and messages have lengths of their own.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.ended = Some(Ended::Orderly);
                }
                Poll::Ready(Err(_)) => self.ended = Some(Ended::Broken),
                Poll::Pending if before == 0 => return Poll::Pending,
                Poll::Pending => {}
            }
            break;
        }
        Poll::Ready(buffer.filled().len())
    }

    /// Writes what was read, with what is to be inserted at its last boundary. What the sink does not take becomes the
    /// backlog.
    fn pass<W>(&mut self, cx: &mut Context<'_>, to: &mut W, chunk: &[u8], boundary: Option<usize>) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        if let Some(at) = boundary.filter(|_| !self.insertion.is_empty()) {
            let (before, after) = chunk.split_at(at);
            self.backlog = [before, &self.insertion, after].concat();
            self.boundary = Some(at + self.insertion.len());
            self.insertion = Vec::new();
            return Ok(());
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => rest = &rest[written..],
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
            self.unflushed = true;
        }
        if !rest.is_empty() {
            self.boundary = boundary.and_then(|at| at.checked_sub(chunk.len() - rest.len()));
            self.backlog = rest.to_vec();
        }
        Ok(())
    }
}
