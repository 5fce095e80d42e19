//! What passes between a session and those who use it: the order that it is launched with, the seats in it, and the
//! messages of its mailbox.

use crate::ports::provider::Wish;
use crate::ports::trace::Moment;
use crate::signal::Signal;
use mayfly_domain::{
    AccountName, BootTime, ConnectionId, Destination, EndReason, Failure, FailureClass, Payload, Secret, SessionId,
    WallTime,
};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// Why a connection is being cut, for the person at its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The reason.
    pub reason: EndReason,
    /// The sentence that the person reads.
    pub sentence: String,
}

/// What a session needs to know beside the proof that it may be opened.
#[derive(Debug, Clone)]
pub struct Order {
    /// What has to be there before, in this order, usually on other targets: the directory's account before the machine's
    /// group. Removal goes the other way round.
    pub upon: Vec<Wish>,
    /// What is wanted on the target that the session opens; the session logs in with its account.
    pub wish: Wish,
    /// Where the connections of the session go. It stays what it was at the launch, whatever becomes of the record: the
    /// session's account is there and its secret may go nowhere else.
    pub destination: Destination,
    /// How long the session waits for another connection after its last has closed.
    pub linger: Duration,
    /// When somebody asked for it; its trace begins there.
    pub asked: Moment,
}

/// A place in a session, before or after the launch. Dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    connection: ConnectionId,
    mailbox: UnboundedSender<Message>,
}

impl Seat {
    pub(crate) const fn new(connection: ConnectionId, mailbox: UnboundedSender<Message>) -> Self {
        Self { connection, mailbox }
    }

    /// The connection whose place this is.
    pub const fn connection(&self) -> &ConnectionId {
        &self.connection
    }

    /// Says that the connection has reached the target, where it is known as `native` (PostgreSQL: the backend's pid).
    /// Returns once that is durably on record; until then the client must not be told that it is connected.
    ///
    /// # Errors
    /// A [`Failure`] when the session is ending, or the record cannot be written.
    pub async fn started(&self, native: Option<String>) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Started { connection: self.connection.clone(), native, reply };
        if self.mailbox.send(message).is_err() {
            return Err(ending());
        }
        answer.await.unwrap_or_else(|_| Err(ending()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The session may be gone already; then nobody counts.
        let _ = self.mailbox.send(Message::Left { connection: self.connection.clone() });
    }
}

/// A connection's share of a launched session.
#[derive(Debug)]
pub struct Joined {
    /// The session.
    pub session: SessionId,
    /// Where to connect.
    pub destination: Destination,
    /// The account to log in with.
    pub account: AccountName,
    /// Its password, where the account was made for this session.
    pub secret: Option<Secret>,
    /// What its provider froze with the account that was made for this session, which may say how to log in.
    pub payload: Option<Payload>,
    /// When the session ends, on the boot clock.
    pub deadline: BootTime,
    /// When the session ends, by the wall clock at its launch: for people.
    pub deadline_wall: WallTime,
    /// Set to the reason when the connection has to be cut.
    pub cut: Signal<Cut>,
    /// The place in the session.
    pub seat: Seat,
}

/// How the end of a session went, as far as this process has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Everything of it was seen to be gone, or was released or kept by policy.
    Clean,
    /// Something could not be withdrawn yet; it is tried again for ever.
    Outstanding,
}

/// What a session is told.
#[derive(Debug)]
pub(crate) enum Message {
    Join { seat: Seat, reply: oneshot::Sender<Result<Joined, Turned>> },
    Started { connection: ConnectionId, native: Option<String>, reply: oneshot::Sender<Result<(), Failure>> },
    Left { connection: ConnectionId },
    End { reason: EndReason, actor: String, text: Option<String>, closed: Option<oneshot::Sender<Closing>> },
}

/// Why somebody who wanted to join did not.
#[derive(Debug)]
pub(crate) enum Turned {
    /// The session is ending: launch another one. Gives the seat's connection back.
    Ending,
    /// The launch failed.
    Failed(Failure),
}

/// What somebody is told who comes too late.
pub(crate) fn ending() -> Failure {
    Failure::new(FailureClass::Conflict, "the session is ending: connect again to start another")
}
