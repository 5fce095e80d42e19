//! The two streams of a relay, as they are read: what the client sends is judged before it goes to the target, and what the target
//! answers to commands of ours is left out. Bytes are looked at where they are; only what is changed is copied.

use std::{
    io,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use mayfly_domain::SessionId;
use mayfly_protocol::mysql::{
    Capabilities, Command,
    exchange::{Breach, Exchange, Followed, Found, Kill, Refusal, Terms},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::numbers::Numbers;

/// How much is read at once where the reader's buffer has no room left behind what is held back.
const SMALL_LEN: usize = 512;

/// What both streams of a connection share.
pub(super) struct Watch {
    exchange: Mutex<Exchange>,
    spoiled: Mutex<Option<Spoiled>>,
}

/// Why a stream was ended from within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoiled {
    /// The client sent what may not be passed on.
    Client(Refusal),
    /// The target did.
    Target(Breach),
}

impl Watch {
    /// Watches a connection on which this was agreed.
    pub(super) fn new(agreed: Capabilities, terms: Terms) -> Self {
        Self { exchange: Mutex::new(Exchange::new(agreed, terms)), spoiled: Mutex::default() }
    }

    pub(super) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a stream was ended, if one was.
    pub(super) fn spoiled(&self) -> Option<Spoiled> {
        *self.spoiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spoil(&self, by: Spoiled) -> io::Error {
        *self.spoiled.lock().unwrap_or_else(PoisonError::into_inner) = Some(by);
        io::ErrorKind::InvalidData.into()
    }
}

/// What is done for a session beyond copying.
pub(super) struct Service<'a> {
    pub(super) numbers: &'a Numbers,
    pub(super) session: &'a SessionId,
    /// What the target is sent behind each `COM_RESET_CONNECTION`: a whole packet with a query.
    pub(super) behind_reset: Option<Vec<u8>>,
}

impl Service<'_> {
    /// What becomes of a wish to end a query or a connection: the target's number stands in place of ours.
    fn translate(&self, kill: &Kill) -> Option<Vec<u8>> {
        Some(kill.with_id(self.numbers.native(kill.id(), self.session)?))
    }
}

/// The client's stream.
pub(super) struct ClientTap<'a, S> {
    stream: &'a mut S,
    watch: &'a Watch,
    service: Service<'a>,
    /// What cannot be judged yet: less than a short message.
    held: Vec<u8>,
    /// What goes to the target and does not stand in a reader's buffer, and how much of it has gone.
    ready: Vec<u8>,
    sent: usize,
    refused: Option<Refusal>,
}

impl<'a, S> ClientTap<'a, S> {
    /// The stream of a client that has sent `early` already.
    pub(super) fn new(stream: &'a mut S, watch: &'a Watch, service: Service<'a>, early: &[u8]) -> Self {
        let mut tap = Self { stream, watch, service, held: Vec::new(), ready: Vec::new(), sent: 0, refused: None };
        if !early.is_empty() {
            tap.digest(early);
        }
        tap
    }

    /// Judges bytes and puts what becomes of them behind what is ready.
    fn digest(&mut self, bytes: &[u8]) {
        let mut exchange = self.watch.exchange();
        let mut rest = bytes;
        loop {
            let scan = exchange.from_client(rest);
            let (pass, behind) = rest.split_at(scan.pass);
            self.ready.extend_from_slice(pass);
            rest = behind;
            match scan.found {
                Found::More => {
                    self.held = rest.to_vec();
                    return;
                }
                found => match take_up(&self.service, &mut exchange, found, rest, &mut self.ready) {
                    Ok(len) => rest = &rest[len..],
                    Err(refusal) => {
                        self.refused = Some(refusal);
                        return;
                    }
                },
            }
        }
    }
}

/// Does what is to be done about a message that is not just passed on. Returns how long it is.
fn take_up(
    service: &Service<'_>,
    exchange: &mut Exchange,
    found: Found,
    rest: &[u8],
    ready: &mut Vec<u8>,
) -> Result<usize, Refusal> {
    match found {
        Found::More => Ok(0),
        Found::Refused(refusal) => Err(refusal),
        Found::Kill { kill, len } => {
            match service.translate(&kill) {
                Some(translated) => ready.extend_from_slice(&translated),
                None => ready.extend_from_slice(&rest[..len]),
            }
            Ok(len)
        }
        Found::Reset { len } => {
            ready.extend_from_slice(&rest[..len]);
            if let Some(query) = &service.behind_reset {
                exchange.insert(Command::Query);
                ready.extend_from_slice(query);
            }
            Ok(len)
        }
    }
}

impl<S: AsyncRead + Unpin> ClientTap<'_, S> {
    /// Reads behind what is held into the reader's buffer, and lets pass what may. Returns whether anything did.
    fn poll_into(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Progress>> {
        let held = self.held.len();
        let space = buf.initialize_unfilled();
        space[..held].copy_from_slice(&self.held);
        let mut part = ReadBuf::new(&mut space[held..]);
        ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        if read == 0 {
            return Poll::Ready(Ok(Progress::Ended));
        }
        let bytes = &space[..held + read];
        let scan = self.watch.exchange().from_client(bytes);
        let pass = scan.pass;
        match scan.found {
            Found::More => self.held = bytes[pass..].to_vec(),
            found => {
                let rest = bytes[pass..].to_vec();
                self.held.clear();
                let taken = take_up(&self.service, &mut self.watch.exchange(), found, &rest, &mut self.ready);
                match taken {
                    Ok(len) => self.digest(&rest[len..]),
                    Err(refusal) => self.refused = Some(refusal),
                }
            }
        }
        buf.advance(pass);
        Poll::Ready(Ok(if pass > 0 { Progress::Passed } else { Progress::Nothing }))
    }

    /// Reads into memory of its own.
    fn poll_small(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let mut small = [0; SMALL_LEN];
        let mut part = ReadBuf::new(&mut small);
        ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut part))?;
        if part.filled().is_empty() {
            return Poll::Ready(Ok(Progress::Ended));
        }
        let whole = [&self.held, part.filled()].concat();
        self.held.clear();
        self.digest(&whole);
        Poll::Ready(Ok(Progress::Nothing))
    }
}

/// What came of reading.
enum Progress {
    /// Something stands in the reader's buffer.
    Passed,
    Nothing,
    /// The client sends nothing more.
    Ended,
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientTap<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        loop {
            if tap.sent < tap.ready.len() {
                let part = buf.remaining().min(tap.ready.len() - tap.sent);
                buf.put_slice(&tap.ready[tap.sent..tap.sent + part]);
                tap.sent += part;
                if tap.sent == tap.ready.len() {
                    (tap.ready, tap.sent) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            if let Some(refusal) = tap.refused {
                return Poll::Ready(Err(tap.watch.spoil(Spoiled::Client(refusal))));
            }
            let progress = if buf.remaining() > tap.held.len() {
                ready!(tap.poll_into(cx, buf))?
            } else {
                ready!(tap.poll_small(cx))?
            };
            match progress {
                Progress::Passed | Progress::Ended => return Poll::Ready(Ok(())),
                Progress::Nothing => {}
            }
        }
    }
}

/// The target's stream.
pub(super) struct TargetTap<'a, S> {
    stream: &'a mut S,
    watch: &'a Watch,
    breach: Option<Breach>,
}

impl<'a, S> TargetTap<'a, S> {
    pub(super) fn new(stream: &'a mut S, watch: &'a Watch) -> Self {
        Self { stream, watch, breach: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TargetTap<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        let start = buf.filled().len();
        if let Some(breach) = tap.breach {
            return Poll::Ready(Err(tap.watch.spoil(Spoiled::Target(breach))));
        }
        loop {
            ready!(Pin::new(&mut *tap.stream).poll_read(cx, buf))?;
            let chunk = &mut buf.filled_mut()[start..];
            if chunk.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let followed = tap.watch.exchange().from_server(chunk);
            buf.set_filled(start + followed.kept);
            tap.breach = followed.breach;
            match followed {
                Followed { kept: 0, breach: None } => {}
                Followed { kept: 0, breach: Some(breach) } => {
                    return Poll::Ready(Err(tap.watch.spoil(Spoiled::Target(breach))));
                }
                // What stands before it is passed on first.
                Followed { .. } => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Writing goes through as it is.
macro_rules! writes_through {
    ($tap:ident) => {
        impl<S: AsyncWrite + Unpin> AsyncWrite for $tap<'_, S> {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut *self.get_mut().stream).poll_write(cx, buf)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut *self.get_mut().stream).poll_flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut *self.get_mut().stream).poll_shutdown(cx)
            }
        }
    };
}

writes_through!(ClientTap);
writes_through!(TargetTap);
