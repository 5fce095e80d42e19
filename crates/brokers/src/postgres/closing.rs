//! The end of a connection: the outcome for us and the last message for the client.

use mayfly_protocol::postgres::backend::{ErrorFields, Severity, SqlState};

use crate::{
    outcome::{Outcome, Side, Stage},
    port::{Ending, RefusalClass, Refused, Turned},
};

/// What a client reads whose sign-in failed, for whatever reason: the same for a wrong secret, an expired one, a person
/// or record that does not exist, and a record that the person may not open.
pub(super) const SIGN_IN_FAILED: &str = "sign-in failed: the connect secret is wrong or no longer valid";

/// Why a connection is closed, and what the client is told.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    /// The error to send, if the client is there to read it.
    pub(super) message: Option<Box<ErrorFields>>,
}

impl Closing {
    /// A connection that is closed without a word.
    pub(super) fn silent(outcome: Outcome) -> Self {
        Self { outcome, message: None }
    }

    /// A connection that is closed with a fatal error.
    pub(super) fn saying(outcome: Outcome, code: SqlState, text: &str) -> Self {
        Self::with(outcome, ErrorFields::new(Severity::Fatal, code, text))
    }

    /// A connection that is closed with these fields.
    pub(super) fn with(outcome: Outcome, fields: ErrorFields) -> Self {
        Self { outcome, message: Some(Box::new(fields)) }
    }

    /// The client broke the protocol.
    pub(super) fn client_violation(what: &'static str) -> Self {
        let outcome = Outcome::Violation(Side::Client, what);
        Self::saying(outcome, SqlState::PROTOCOL_VIOLATION, &format!("protocol violation: {what}"))
    }

    /// The target broke the protocol. The client learns no more than that.
    pub(super) fn target_violation(what: &'static str) -> Self {
        let outcome = Outcome::Violation(Side::Target, what);
        Self::saying(outcome, SqlState::CONNECTION_FAILURE, "the target does not behave as a PostgreSQL server does")
    }

    /// A sign-in came to nothing.
    pub(super) fn turned(turned: Turned) -> Self {
        let (code, text) = match turned {
            Turned::Failed => (SqlState::INVALID_PASSWORD, SIGN_IN_FAILED),
            Turned::Locked => (SqlState::INVALID_AUTHORIZATION, "too many failed sign-ins: wait before you try again"),
            Turned::Busy => (SqlState::CANNOT_CONNECT_NOW, "sign-in is not possible at the moment: try again later"),
        };
        let mut fields = ErrorFields::new(Severity::Fatal, code, text);
        if turned == Turned::Failed {
            fields = fields.hint("Get a new connect secret with: mayfly connect RECORD");
        }
        Self::with(Outcome::SignInFailed(turned), fields)
    }

    /// A session was not joined.
    pub(super) fn refused(refused: &Refused) -> Self {
        let code = match refused.class {
            RefusalClass::NotPermitted => SqlState::INSUFFICIENT_PRIVILEGE,
            RefusalClass::Busy => SqlState::TOO_MANY_CONNECTIONS,
            RefusalClass::Unreachable => SqlState::UNABLE_TO_CONNECT,
            RefusalClass::Ending => SqlState::CANNOT_CONNECT_NOW,
            RefusalClass::Failed => SqlState::CONNECTION_REJECTED,
        };
        Self::saying(Outcome::Refused(refused.class), code, &refused.text)
    }

    /// The session was cut.
    pub(super) fn cut(ending: &Ending) -> Self {
        Self::saying(Outcome::Cut(ending.reason), SqlState::ADMIN_SHUTDOWN, &ending.sentence)
    }

    /// Something took too long.
    pub(super) fn timed_out(stage: Stage) -> Self {
        let (code, text) = match stage {
            Stage::SignIn => (SqlState::QUERY_CANCELED, "the sign-in took too long"),
            Stage::Launch => (SqlState::CANNOT_CONNECT_NOW, "the session was not ready in time: try again"),
            Stage::Target => (SqlState::UNABLE_TO_CONNECT, "the target did not answer in time"),
        };
        Self::saying(Outcome::TimedOut(stage), code, text)
    }

    /// The last message on the wire; empty if there is none.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(fields) = &self.message {
            fields.encode_error(&mut bytes);
        }
        bytes
    }
}
