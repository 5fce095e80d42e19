//! The end of a connection: the outcome for us and the last packet for the client.

use mayfly_protocol::mysql::{
    frame::Sequence,
    reply::{ErrPacket, ErrorCode},
};

use crate::{
    outcome::{Outcome, Side, Stage},
    port::{Ending, RefusalClass, Refused, Turned},
};

/// What a client reads whose sign-in failed, for whatever reason: the same for a wrong secret, an expired one, a person
/// or record that does not exist, and a record that the person may not open.
const SIGN_IN_FAILED: &str = "sign-in failed: the connect secret is wrong or no longer valid: get a new one with: \
                              mayfly connect RECORD";

/// Why a connection is closed, and what the client is told.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    /// The error to send, if the client is there to read it.
    pub(super) message: Option<Box<ErrPacket>>,
}

impl Closing {
    /// A connection that is closed without a word.
    pub(super) fn silent(outcome: Outcome) -> Self {
        Self { outcome, message: None }
    }

    /// A connection that is closed with an error.
    pub(super) fn saying(outcome: Outcome, code: ErrorCode, text: &str) -> Self {
        Self::with(outcome, ErrPacket::new(code, text))
    }

    /// A connection that is closed with this packet.
    pub(super) fn with(outcome: Outcome, packet: ErrPacket) -> Self {
        Self { outcome, message: Some(Box::new(packet)) }
    }

    /// The client broke the protocol.
    pub(super) fn client_violation(what: &'static str) -> Self {
        let outcome = Outcome::Violation(Side::Client, what);
        Self::saying(outcome, ErrorCode::HANDSHAKE, &format!("protocol violation: {what}"))
    }

    /// The target broke the protocol. The client learns no more than that.
    pub(super) fn target_violation(what: &'static str) -> Self {
        let outcome = Outcome::Violation(Side::Target, what);
        Self::saying(outcome, ErrorCode::UNKNOWN, "the target does not behave as a server of MySQL or MariaDB does")
    }

    /// A sign-in came to nothing.
    pub(super) fn turned(turned: Turned) -> Self {
        let (code, text) = match turned {
            Turned::Failed => (ErrorCode::ACCESS_DENIED, SIGN_IN_FAILED),
            Turned::Locked => (ErrorCode::ACCESS_DENIED, "too many failed sign-ins: wait before you try again"),
            Turned::Busy => (ErrorCode::UNKNOWN, "sign-in is not possible at the moment: try again later"),
        };
        Self::saying(Outcome::SignInFailed(turned), code, text)
    }

    /// A session was not joined.
    pub(super) fn refused(refused: &Refused) -> Self {
        let code = match refused.class {
            RefusalClass::NotPermitted => ErrorCode::ACCESS_DENIED,
            RefusalClass::Busy => ErrorCode::TOO_MANY_CONNECTIONS,
            RefusalClass::Unreachable | RefusalClass::Ending | RefusalClass::Failed => ErrorCode::UNKNOWN,
        };
        Self::saying(Outcome::Refused(refused.class), code, &refused.text)
    }

    /// The session was cut.
    pub(super) fn cut(ending: &Ending) -> Self {
        Self::saying(Outcome::Cut(ending.reason), ErrorCode::SERVER_SHUTDOWN, &ending.sentence)
    }

    /// Something took too long.
    pub(super) fn timed_out(stage: Stage) -> Self {
        let text = match stage {
            Stage::SignIn => "the sign-in took too long",
            Stage::Launch => "the session was not ready in time: try again",
            Stage::Target => "the target did not answer in time",
        };
        Self::saying(Outcome::TimedOut(stage), ErrorCode::UNKNOWN, text)
    }

    /// The last packet on the wire, with the number that comes next; empty if there is none.
    pub(super) fn bytes(&self, sequence: &mut Sequence) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(packet) = &self.message {
            packet.encode(sequence, &mut bytes);
        }
        bytes
    }
}
