//! Both directions of a relay, the voice that may interrupt them, and how it all ends.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Boundaries,
    flow::{Flow, Stop},
};

/// How large the buffer is that the connections of one thread share. Two TLS records.
const SCRATCH_LEN: usize = 32 * 1024;

/// How long the target may go on sending after the client has said that it sends nothing more, or after the target has
/// stopped to take anything.
const DRAIN_TIME: Duration = Duration::from_secs(5);

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_LEN]);
}

/// What the server has to say while bytes flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interjection {
    /// A whole message for the client, to stand between those of the target as soon as there is a place.
    Say(Vec<u8>),
    /// Stop at once.
    Cut,
}

/// Why a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closed its connection, and the target was told.
    ClientLeft,
    /// The client's connection broke.
    ClientLost,
    /// The target closed its connection, and the client was told.
    TargetLeft,
    /// The target's connection broke. The client does not know yet.
    TargetLost,
    /// The target does not speak its protocol.
    TargetViolation,
    /// The client does not speak its protocol.
    ClientViolation,
    /// The voice said so. The client does not know yet.
    Cut,
}

/// What is left of a relay.
pub(crate) struct Finished<U> {
    /// Why it ended.
    pub(crate) end: End,
    /// What has to be written to the client before a last message; `None` if the client is in the middle of a message
    /// whose rest will not come, and nothing can be said to it.
    pub(crate) remainder: Option<Vec<u8>>,
    /// What followed the client's messages.
    pub(crate) up: U,
}

/// A client and a target, connected.
pub(crate) struct Relay<'a, C, T, U, D> {
    client: &'a mut C,
    target: &'a mut T,
    up: Flow<U>,
    down: Flow<D>,
    /// Which direction goes first. They take turns, so that neither can starve the other of its task's budget.
    down_first: bool,
}

impl<'a, C, T, U, D> Relay<'a, C, T, U, D>
where
    C: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
    U: Boundaries,
    D: Boundaries,
{
    /// Connects a client and a target that both stand at a boundary. `early` is what the client has sent already; `up`
    /// follows its messages, `down` those of the target.
    ///
    /// # Errors
    /// [`End::ClientViolation`] if `early` is no beginning of a message.
    pub(crate) fn new(client: &'a mut C, target: &'a mut T, up: U, down: D, early: Vec<u8>) -> Result<Self, End> {
        let up = Flow::new(up, early).map_err(|_| End::ClientViolation)?;
        let down = Flow::new(down, Vec::new()).map_err(|_| End::TargetViolation)?;
        Ok(Self { client, target, up, down, down_first: true })
    }

    /// Copies until the end. `voice` is listened to before anything is copied; when it has nothing more to say, copying
    /// goes on without it.
    pub(crate) async fn run(mut self, voice: impl Stream<Item = Interjection> + Unpin) -> Finished<U> {
        let mut voice = voice.fuse();
        let mut end = poll_fn(|cx| self.poll_both(cx, &mut voice)).await;
        if let Some(then) = end.drained() {
            let draining = poll_fn(|cx| self.poll_down(cx, &mut voice));
            let stopped = tokio::time::timeout(DRAIN_TIME, draining).await;
            end = match stopped {
                // Whatever the target still says, the client has left.
                Ok(End::TargetLeft) if then == End::ClientLeft => then,
                Ok(other) => other,
                Err(_) => then,
            };
        }
        Finished { end, remainder: self.down.remainder(), up: self.up.boundaries }
    }

    /// One turn of the voice and both directions.
    fn poll_both(&mut self, cx: &mut Context<'_>, voice: &mut (impl Stream<Item = Interjection> + Unpin)) -> Poll<End> {
        if self.listen(cx, voice).is_ready() {
            return Poll::Ready(End::Cut);
        }
        self.down_first = !self.down_first;
        SCRATCH.with_borrow_mut(|scratch| {
            for down in [self.down_first, !self.down_first] {
                let stopped = if down {
                    self.down.poll(cx, self.target, self.client, scratch).map(down_end)
                } else {
                    self.up.poll(cx, self.client, self.target, scratch).map(up_end)
                };
                if stopped.is_ready() {
                    return stopped;
                }
            }
            Poll::Pending
        })
    }

    /// One turn of the voice and the target's direction.
    fn poll_down(&mut self, cx: &mut Context<'_>, voice: &mut (impl Stream<Item = Interjection> + Unpin)) -> Poll<End> {
        if self.listen(cx, voice).is_ready() {
            return Poll::Ready(End::Cut);
        }
        SCRATCH.with_borrow_mut(|scratch| self.down.poll(cx, self.target, self.client, scratch).map(down_end))
    }

    /// Takes up what the voice has to say; ready when that is a cut.
    fn listen(&mut self, cx: &mut Context<'_>, voice: &mut (impl Stream<Item = Interjection> + Unpin)) -> Poll<()> {
        loop {
            match Pin::new(&mut *voice).poll_next(cx) {
                Poll::Ready(Some(Interjection::Say(message))) => self.down.insert(&message),
                Poll::Ready(Some(Interjection::Cut)) => return Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl End {
    /// For the ends after which the target may still have something to say: what the end is when it has said it.
    fn drained(self) -> Option<Self> {
        matches!(self, Self::ClientLeft | Self::TargetLost).then_some(self)
    }
}

/// What the end of the client's direction means.
fn up_end(stop: Stop) -> End {
    match stop {
        Stop::SourceEnded => End::ClientLeft,
        Stop::SourceFailed => End::ClientLost,
        Stop::SinkFailed => End::TargetLost,
        Stop::Violation => End::ClientViolation,
    }
}

/// What the end of the target's direction means.
fn down_end(stop: Stop) -> End {
    match stop {
        Stop::SourceEnded => End::TargetLeft,
        Stop::SourceFailed => End::TargetLost,
        Stop::SinkFailed => End::ClientLost,
        Stop::Violation => End::TargetViolation,
    }
}
