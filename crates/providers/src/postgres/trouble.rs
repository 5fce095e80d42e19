//! What can go wrong while talking to a server, and what class of failure it is. The server's SQLSTATE decides, never the
//! words of its message, which stay out of every text: a hostile server would choose them.

use mayfly_domain::{Failure, FailureClass};

/// Raised by our own blocks: the last moment of a command has passed (a class that the standard leaves to others).
pub(crate) const TOO_LATE: &str = "MF001";
/// Raised by our own blocks: a session of the account still runs.
pub(crate) const SESSIONS_RUN: &str = "MF002";

/// Something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server refused a statement; the transaction around it is undone.
    Refused {
        /// Its SQLSTATE (manual, appendix A).
        code: String,
    },
    /// The connection broke, or the server ended it, after something was sent: whether it took effect is not known.
    Lost,
    /// The answer did not come within our limit, or was longer than it may be.
    Slow,
    /// The connection was gone before anything was sent.
    NotSent,
    /// An answer that no correct server gives.
    Garbled,
    /// Known in full already.
    Known(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Known(failure)
    }
}

impl Trouble {
    /// Sorts what the driver says of a statement that was sent.
    pub(crate) fn of_statement(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // FATAL and PANIC end the session, perhaps after the transaction was committed (57P01 while waiting for a
            // synchronous standby), so only ERROR says that nothing has happened.
            Some(refusal) if is_plain_error(refusal) => Self::Refused { code: clean(refusal.code().code()) },
            _ => Self::Lost,
        }
    }

    /// The SQLSTATE, if the server refused.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code } => Some(code),
            _ => None,
        }
    }

    /// Whether the same statement may succeed if it is sent again at once: two sessions changed one catalogue row at the
    /// same time (`tuple concurrently updated` is XX000, FAILURES 48), or a serialization failure.
    pub(crate) fn is_race(&self) -> bool {
        matches!(self.code(), Some("XX000" | "23505" | "40001" | "40P01"))
    }

    /// The failure of a step that may be repeated. `doing` completes "… failed", and `fix` is the statement that helps when
    /// a right is missing.
    pub(crate) fn failure(&self, doing: &str, fix: &str) -> Failure {
        match self {
            Self::Known(failure) => failure.clone(),
            Self::Refused { code } => of_code(code, doing, fix),
            Self::Lost | Self::NotSent => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the connection to the server broke"))
            }
            Self::Slow => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the server did not answer in time"))
            }
            Self::Garbled => Failure::new(
                FailureClass::Bug,
                format!("{doing} failed: the server gave an answer that PostgreSQL never gives"),
            ),
        }
    }

    /// The failure of a step that makes something and is never repeated: what was sent may still take effect.
    pub(crate) fn failure_of_opening(&self, doing: &str, fix: &str) -> Failure {
        match self {
            Self::Lost | Self::Slow | Self::Garbled => Failure::new(
                FailureClass::OutcomeUnknown,
                format!("{doing}: the command was sent and its answer did not come"),
            ),
            Self::Known(_) | Self::Refused { .. } | Self::NotSent => self.failure(doing, fix),
        }
    }
}

fn is_plain_error(refusal: &tokio_postgres::error::DbError) -> bool {
    // The field that is not translated exists since PostgreSQL 9.6.
    matches!(refusal.parsed_severity(), Some(tokio_postgres::error::Severity::Error))
}

/// A SQLSTATE is five of A-Z and 0-9; anything else is a hostile server's.
pub(crate) fn clean(code: &str) -> String {
    if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        code.to_owned()
    } else {
        "?????".to_owned()
    }
}

/// The failure for a SQLSTATE.
pub(crate) fn of_code(code: &str, doing: &str, fix: &str) -> Failure {
    let class = class_of(code);
    let what = match (code, class) {
        (TOO_LATE, _) => "the command reached the server after its last moment; nothing was changed".to_owned(),
        (SESSIONS_RUN, _) => "a session of the account still runs on the server".to_owned(),
        (_, FailureClass::NotPermitted) if fix.is_empty() => {
            format!(
                "the administrative account may not do this (SQLSTATE {code}): `mayfly record check` says what to grant"
            )
        }
        (_, FailureClass::NotPermitted) => {
            format!("the administrative account may not do this (SQLSTATE {code}); as a superuser: {fix}")
        }
        (_, FailureClass::CredentialsRefused) => {
            format!("the server refuses the administrative credential (SQLSTATE {code})")
        }
        ("55P03", _) => "another session holds a lock that is needed (SQLSTATE 55P03)".to_owned(),
        ("53300", _) => "the server has no free connection (SQLSTATE 53300): raise max_connections".to_owned(),
        (_, FailureClass::Busy) => format!("the server is busy or at a limit (SQLSTATE {code})"),
        _ => format!("the server answered with SQLSTATE {code}"),
    };
    Failure::new(class, format!("{doing} failed: {what}"))
}

/// The class of a SQLSTATE.
pub(crate) fn class_of(code: &str) -> FailureClass {
    match code {
        TOO_LATE | SESSIONS_RUN | "57014" | "XX000" => FailureClass::Busy,
        "57P03" | "57P01" | "57P02" => FailureClass::Unreachable,
        "42501" => FailureClass::NotPermitted,
        "42710" | "42704" | "42P04" | "42939" | "23505" | "3D000" | "25006" => FailureClass::Conflict,
        _ => match code.get(..2) {
            Some("08") => FailureClass::Unreachable,
            Some("28") => FailureClass::CredentialsRefused,
            Some("40" | "53" | "55") => FailureClass::Busy,
            Some("2B" | "0L" | "42") => FailureClass::Conflict,
            _ => FailureClass::Bug,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sqlstate_decides() {
        for (code, class) in [
            ("28P01", FailureClass::CredentialsRefused),
            ("28000", FailureClass::CredentialsRefused),
            ("53300", FailureClass::Busy),
            ("55P03", FailureClass::Busy),
            ("40P01", FailureClass::Busy),
            ("57014", FailureClass::Busy),
            ("57P03", FailureClass::Unreachable),
            ("42501", FailureClass::NotPermitted),
            ("42710", FailureClass::Conflict),
            ("2BP01", FailureClass::Conflict),
            ("0LP01", FailureClass::Conflict),
            (TOO_LATE, FailureClass::Busy),
            ("?????", FailureClass::Bug),
        ] {
            assert_eq!(class_of(code), class, "{code}");
        }
    }

    #[test]
    fn only_openings_have_unknown_outcomes() {
        assert_eq!(Trouble::Lost.failure("it", "").class, FailureClass::Unreachable);
        assert_eq!(Trouble::Lost.failure_of_opening("it", "").class, FailureClass::OutcomeUnknown);
        assert_eq!(Trouble::NotSent.failure_of_opening("it", "").class, FailureClass::Unreachable);
        assert_eq!(clean("42501"), "42501");
        assert_eq!(clean("'; DROP"), "?????");
    }
}
