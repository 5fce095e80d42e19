//! How the connection of a database's client ended, as a value: for the log, the metrics and the tests. All brokers of
//! databases end in the same ways; SSH, which has many channels in one connection, has ends of its own.

use mayfly_domain::EndReason;

use crate::port::{RefusalClass, Turned};

/// Who broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The target.
    Target,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client, up to the end of its sign-in.
    SignIn,
    /// The launch of the session.
    Launch,
    /// The target, until it waits for the first command.
    Target,
}

/// How a client's connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The client connected and left without a word, as health checks do.
    Probe,
    /// The client left, at whatever point, or its connection broke.
    ClientLeft,
    /// The target ended the connection in its own way: what it had to say was passed on.
    TargetLeft,
    /// The connection to the target broke.
    TargetLost,
    /// The session was cut.
    Cut(EndReason),
    /// The client did not sign in.
    SignInFailed(Turned),
    /// The session could not be joined.
    Refused(RefusalClass),
    /// What the client asked for is not possible here: no TLS, a user name that is none, replication, another version, a
    /// command that is refused.
    Unsupported(&'static str),
    /// The target could not be reached, or is not the server that it should be.
    Unreachable,
    /// The target does not let the session's account in. The word says why.
    TargetRefused(String),
    /// The TLS handshake with the client failed.
    TlsFailed,
    /// One side broke the protocol. The word says where.
    Violation(Side, &'static str),
    /// Something took too long.
    TimedOut(Stage),
    /// A request to cancel a query; whether there was a session with that key.
    Cancel {
        /// Whether the request was passed on to the target.
        passed_on: bool,
    },
}

impl Outcome {
    /// The outcome as one word for the log and the metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::ClientLeft => "client_left",
            Self::TargetLeft => "target_left",
            Self::TargetLost => "target_lost",
            Self::Cut(_) => "cut",
            Self::SignInFailed(Turned::Failed) => "sign_in_failed",
            Self::SignInFailed(Turned::Locked) => "sign_in_locked",
            Self::SignInFailed(Turned::Busy) => "sign_in_busy",
            Self::Refused(_) => "refused",
            Self::Unsupported(_) => "unsupported",
            Self::Unreachable => "unreachable",
            Self::TargetRefused(_) => "target_refused",
            Self::TlsFailed => "tls_failed",
            Self::Violation(Side::Client, _) => "client_violation",
            Self::Violation(Side::Target, _) => "target_violation",
            Self::TimedOut(Stage::SignIn) => "sign_in_timed_out",
            Self::TimedOut(Stage::Launch) => "launch_timed_out",
            Self::TimedOut(Stage::Target) => "target_timed_out",
            Self::Cancel { passed_on: true } => "cancel",
            Self::Cancel { passed_on: false } => "cancel_unknown",
        }
    }

    /// More for the log, where there is more. Never holds a secret or what a client typed.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Cut(reason) => reason.as_str(),
            Self::Refused(class) => class.as_str(),
            Self::Unsupported(what) | Self::Violation(_, what) => what,
            Self::TargetRefused(code) => code,
            _ => "",
        }
    }
}
