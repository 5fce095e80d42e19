//! The end of a connection: the outcome for us and the last message for the client.

use mayfly_protocol::tds::{
    TdsVersion,
    frame::{PacketType, Packets},
    token::{Done, DoneStatus, ServerMessage},
};

use crate::{
    outcome::{Outcome, Side, Stage},
    port::{Ending, RefusalClass, Refused, Turned},
};

/// What a client reads whose sign-in failed, for whatever reason: the same for a wrong secret, an expired one, a person
/// or record that does not exist, and a record that the person may not open.
const SIGN_IN_FAILED: &str = "sign-in failed: the connect secret is wrong or no longer valid: get a new one with: \
                              mayfly connect RECORD";

/// The number of a failed log-in, by which clients know it.
pub(super) const LOGIN_FAILED: u32 = 18456;

/// The number of what is ours alone: the first that SQL Server leaves to others.
pub(super) const OURS: u32 = 50_000;

/// How bad it is: a log-in was refused; the connection is over.
const SECURITY: u8 = 14;
const FATAL: u8 = 20;

/// What we call ourselves as the server of a message.
const SERVER: &str = "mayfly";

/// Why a connection is closed, and what the client is told.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    /// The error to send, if the client is there to read it.
    pub(super) message: Option<Box<ServerMessage>>,
}

impl Closing {
    /// A connection that is closed without a word.
    pub(super) fn silent(outcome: Outcome) -> Self {
        Self { outcome, message: None }
    }

    /// A connection that is closed with an error of ours.
    pub(super) fn saying(outcome: Outcome, text: &str) -> Self {
        Self::with(outcome, ServerMessage::error(OURS, FATAL, text))
    }

    /// A log-in that is refused with an error.
    pub(super) fn denied(outcome: Outcome, text: &str) -> Self {
        Self::with(outcome, ServerMessage::error(LOGIN_FAILED, SECURITY, text))
    }

    /// A connection that is closed with this message.
    pub(super) fn with(outcome: Outcome, message: ServerMessage) -> Self {
        let server = if message.server.is_empty() { SERVER.to_owned() } else { message.server };
        Self { outcome, message: Some(Box::new(ServerMessage { server, ..message })) }
    }

    /// The client broke the protocol.
    pub(super) fn client_violation(what: &'static str) -> Self {
        Self::saying(Outcome::Violation(Side::Client, what), &format!("protocol violation: {what}"))
    }

    /// The target broke the protocol. The client learns no more than that.
    pub(super) fn target_violation(what: &'static str) -> Self {
        let outcome = Outcome::Violation(Side::Target, what);
        Self::saying(outcome, "the target does not behave as a SQL Server does")
    }

    /// A sign-in came to nothing.
    pub(super) fn turned(turned: Turned) -> Self {
        let outcome = Outcome::SignInFailed(turned);
        match turned {
            Turned::Failed => Self::denied(outcome, SIGN_IN_FAILED),
            Turned::Locked => Self::denied(outcome, "too many failed sign-ins: wait before you try again"),
            Turned::Busy => Self::saying(outcome, "sign-in is not possible at the moment: try again later"),
        }
    }

    /// A session was not joined.
    pub(super) fn refused(refused: &Refused) -> Self {
        let outcome = Outcome::Refused(refused.class);
        match refused.class {
            RefusalClass::NotPermitted => Self::denied(outcome, &refused.text),
            RefusalClass::Busy | RefusalClass::Unreachable | RefusalClass::Ending | RefusalClass::Failed => {
                Self::saying(outcome, &refused.text)
            }
        }
    }

    /// The session was cut.
    pub(super) fn cut(ending: &Ending) -> Self {
        Self::saying(Outcome::Cut(ending.reason), &ending.sentence)
    }

    /// Something took too long.
    pub(super) fn timed_out(stage: Stage) -> Self {
        let text = match stage {
            Stage::SignIn => "the sign-in took too long",
            Stage::Launch => "the session was not ready in time: try again",
            Stage::Target => "the target did not answer in time",
        };
        Self::saying(Outcome::TimedOut(stage), text)
    }

    /// The last message on the wire, in the client's version; empty if there is none.
    pub(super) fn bytes(&self, version: TdsVersion) -> Vec<u8> {
        let (mut data, mut bytes) = (Vec::new(), Vec::new());
        let Some(message) = &self.message else { return bytes };
        // Names are short; a text that is too long is cut.
        if message.encode(version, &mut data).is_ok() {
            Done::statement(DoneStatus::ERROR).encode(version, &mut data);
            Packets::of(PacketType::Result).encode(&data, &mut bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use mayfly_protocol::tds::token::{Token, Tokens};

    use super::*;

    #[test]
    fn the_last_message_is_an_error_and_an_end_in_the_clients_version() {
        for version in [TdsVersion::V7_1, TdsVersion::V7_4, TdsVersion::V8_0] {
            let bytes = Closing::turned(Turned::Failed).bytes(version);
            let tokens: Vec<Token> = Tokens::new(&bytes[8..], version).collect::<Result<_, _>>().unwrap();
            let [Token::Message(message), Token::Done(done)] = tokens.as_slice() else { panic!("{tokens:?}") };
            assert_eq!(
                (message.number, message.text.as_str(), message.server.as_str()),
                (18456, SIGN_IN_FAILED, "mayfly")
            );
            assert_eq!(done.status, DoneStatus::ERROR);
        }
        assert!(Closing::silent(Outcome::ClientLeft).bytes(TdsVersion::V7_4).is_empty());
    }
}
