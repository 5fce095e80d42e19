//! What can go wrong while talking to a server, and what class of failure it is. The server's error number decides, never the
//! words of its message, which stay out of every text: a hostile server would choose them.

use mayfly_domain::{Failure, FailureClass};

/// Something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server refused a statement. Those before it took effect, each for itself; those behind it were not run.
    Refused {
        /// Its error number.
        number: u16,
        /// How many statements of the request were done before.
        done: usize,
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
    /// The error number, if the server refused.
    pub(crate) fn number(&self) -> Option<u16> {
        match self {
            Self::Refused { number, .. } => Some(*number),
            _ => None,
        }
    }

    /// The failure of a step that may be repeated. `doing` completes "… failed", and `fix` is the statement that helps when
    /// a right is missing.
    pub(crate) fn failure(&self, doing: &str, fix: &str) -> Failure {
        match self {
            Self::Known(failure) => failure.clone(),
            Self::Refused { number, .. } => of_number(*number, doing, fix),
            Self::Lost | Self::NotSent => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the connection to the server broke"))
            }
            Self::Slow => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the server did not answer in time"))
            }
            Self::Garbled => Failure::new(
                FailureClass::Bug,
                format!("{doing} failed: the server gave an answer that neither MySQL nor MariaDB gives"),
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

/// The failure for an error number.
fn of_number(number: u16, doing: &str, fix: &str) -> Failure {
    let class = class_of(number);
    let what = match (number, class) {
        (_, FailureClass::NotPermitted) if fix.is_empty() => format!(
            "the administrative account may not do this (error {number}): `mayfly record check` says what to grant"
        ),
        (_, FailureClass::NotPermitted) => {
            format!("the administrative account may not do this (error {number}); as root: {fix}")
        }
        (1205 | 3572, _) => format!("another session holds a lock that is needed (error {number})"),
        (1290 | 1792 | 1836, _) => format!("the server takes no changes (error {number}): it is read-only"),
        (1396, _) => {
            "an account of that name is there, or is not there, against what was expected (error 1396)".to_owned()
        }
        _ => format!("the server answered with error {number}"),
    };
    Failure::new(class, format!("{doing} failed: {what}"))
}

/// The class of an error number (MySQL error reference; MariaDB error codes).
pub(crate) fn class_of(number: u16) -> FailureClass {
    match number {
        // Waited too long for a lock, a deadlock (also of named locks), interrupted, too many connections, out of resources.
        1205 | 1213 | 3058 | 3572 | 1317 | 3024 | 1969 | 1040 | 1203 | 1226 | 1041 | 1038 => FailureClass::Busy,
        // Stopping, or our session was ended.
        1053 | 1077 | 1079 | 1927 | 3169 => FailureClass::Unreachable,
        // A right is missing: of the server, of a database, of a table, of a routine, of a column; a definer is left.
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1410 | 1419 | 1698 | 4006 | 1095 | 3619 => FailureClass::NotPermitted,
        // Names: there, not there, too long; a role that is not granted; read-only.
        1396 | 1470 | 1959 | 1960 | 1962 | 3162 | 3523 | 3530 | 3628 | 1290 | 1792 | 1836 | 1049 | 1146 | 1537
        | 1539 => FailureClass::Conflict,
        _ => FailureClass::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides() {
        for (number, class) in [
            (1205, FailureClass::Busy),
            (3058, FailureClass::Busy),
            (1053, FailureClass::Unreachable),
            (1227, FailureClass::NotPermitted),
            (1396, FailureClass::Conflict),
            (1064, FailureClass::Bug),
        ] {
            assert_eq!(class_of(number), class, "{number}");
        }
    }

    #[test]
    fn only_openings_have_unknown_outcomes() {
        assert_eq!(Trouble::Lost.failure("it", "").class, FailureClass::Unreachable);
        assert_eq!(Trouble::Lost.failure_of_opening("it", "").class, FailureClass::OutcomeUnknown);
        assert_eq!(Trouble::NotSent.failure_of_opening("it", "").class, FailureClass::Unreachable);
    }
}
