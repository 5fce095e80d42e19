//! How a client's connection ended, as a value: for the log, the metrics and the tests.

use mayfly_domain::EndReason;

use crate::port::{RefusalClass, Turned};

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client, up to the end of its sign-in.
    SignIn,
    /// The launch of the session.
    Launch,
    /// The target, up to the end of our log-in.
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
    /// The connection to the target broke.
    TargetLost,
    /// The session was cut.
    Cut(EndReason),
    /// The client did not sign in; the reason of its last attempt.
    SignInFailed(Turned),
    /// The session could not be joined.
    Refused(RefusalClass),
    /// The target could not be reached, or is not the host that it should be.
    Unreachable,
    /// The target does not let the session's account in.
    TargetRefused,
    /// The client broke the protocol. The word says where.
    Violation(&'static str),
    /// Something took too long.
    TimedOut(Stage),
}

impl Outcome {
    /// The outcome as one word for the log and the metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::ClientLeft => "client_left",
            Self::TargetLost => "target_lost",
            Self::Cut(_) => "cut",
            Self::SignInFailed(Turned::Failed) => "sign_in_failed",
            Self::SignInFailed(Turned::Locked) => "sign_in_locked",
            Self::SignInFailed(Turned::Busy) => "sign_in_busy",
            Self::Refused(_) => "refused",
            Self::Unreachable => "unreachable",
            Self::TargetRefused => "target_refused",
            Self::Violation(_) => "client_violation",
            Self::TimedOut(Stage::SignIn) => "sign_in_timed_out",
            Self::TimedOut(Stage::Launch) => "launch_timed_out",
            Self::TimedOut(Stage::Target) => "target_timed_out",
        }
    }

    /// More for the log, where there is more. Never holds a secret or what a client typed.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Cut(reason) => reason.as_str(),
            Self::Refused(class) => class.as_str(),
            Self::Violation(what) => what,
            _ => "",
        }
    }
}
