//! What can go wrong while talking to a server, and what class of failure it is. The server's error number decides, never the
//! words of its message, which stay out of every text: a hostile server would choose them. Numbers: Microsoft's "Database
//! Engine events and errors".

use mayfly_domain::{Failure, FailureClass};

/// Raised by our own texts: the last moment of a command has passed.
pub(crate) const TOO_LATE: u32 = 51001;
/// Raised by our own texts: a session of the account still runs.
pub(crate) const SESSIONS_RUN: u32 = 51002;
/// Raised by our own texts: another session holds the lock of the change.
const LOCKED: u32 = 51003;
/// Raised by our own texts: the account or the role of a membership is gone.
const GONE: u32 = 51004;
/// Raised by our own texts: a trigger was made or changed in the time of the account, and would run with our rights.
pub(crate) const TRIGGER: u32 = 51006;
/// Raised by our own texts: Agent did not take the job that holds the deadline.
const NO_JOB: u32 = 51007;
/// Another transaction was chosen to go on (deadlock).
const DEADLOCK: u32 = 1205;

/// Something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server refused a statement; the transaction around it is undone.
    Refused {
        /// The number of its error.
        number: u32,
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

/// From this severity on an error ends the connection, perhaps after the transaction was committed ("Database Engine error
/// severities").
const FATAL: u8 = 20;

impl Trouble {
    /// Sorts what the driver says of a batch that was sent.
    pub(crate) fn of_batch(error: &tiberius::error::Error) -> Self {
        match error {
            tiberius::error::Error::Server(token) if token.class() < FATAL => Self::Refused { number: token.code() },
            _ => Self::Lost,
        }
    }

    /// The number, if the server refused.
    pub(crate) const fn number(&self) -> Option<u32> {
        match self {
            Self::Refused { number } => Some(*number),
            _ => None,
        }
    }

    /// Whether the same batch may succeed if it is sent again at once.
    pub(crate) fn is_race(&self) -> bool {
        self.number() == Some(DEADLOCK)
    }

    /// The failure of a step that may be repeated. `doing` completes "… failed", and `fix` is the statement that helps when
    /// a right is missing.
    pub(crate) fn failure(&self, doing: &str, fix: &str) -> Failure {
        match self {
            Self::Known(failure) => failure.clone(),
            Self::Refused { number } => of_number(*number, doing, fix),
            Self::Lost | Self::NotSent => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the connection to the server broke"))
            }
            Self::Slow => {
                Failure::new(FailureClass::Unreachable, format!("{doing} failed: the server did not answer in time"))
            }
            Self::Garbled => Failure::new(
                FailureClass::Bug,
                format!("{doing} failed: the server gave an answer that SQL Server never gives"),
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
fn of_number(number: u32, doing: &str, fix: &str) -> Failure {
    let class = class_of(number);
    let what = match (number, class) {
        (TOO_LATE, _) => "the command reached the server after its last moment; nothing was changed".to_owned(),
        (SESSIONS_RUN, _) => "a session of the account still runs on the server".to_owned(),
        (LOCKED, _) => "another session works on the same change".to_owned(),
        (GONE, _) => "the account or the role is gone from the server".to_owned(),
        (TRIGGER, _) => "a DDL trigger was made or changed in the time of the account, and would run with Mayfly's rights: look at it, \
                         and disable or drop it (sys.triggers in each database, sys.server_triggers)"
            .to_owned(),
        (NO_JOB, _) => "SQL Server Agent did not take the job that holds the deadline (look into msdb)".to_owned(),
        (_, FailureClass::NotPermitted) if fix.is_empty() => format!(
            "the administrative account may not do this (error {number}): `mayfly record check` says what to grant"
        ),
        (_, FailureClass::NotPermitted) => {
            format!("the administrative account may not do this (error {number}); as a member of sysadmin: {fix}")
        }
        (_, FailureClass::CredentialsRefused) => {
            format!("the server refuses the administrative credential (error {number})")
        }
        (1222, _) => "another session holds a lock that is needed (error 1222)".to_owned(),
        (_, FailureClass::Busy) => format!("the server is busy or at a limit (error {number})"),
        _ => format!("the server answered with error {number}"),
    };
    Failure::new(class, format!("{doing} failed: {what}"))
}

/// The class of an error number.
pub(crate) fn class_of(number: u32) -> FailureClass {
    match number {
        TOO_LATE | SESSIONS_RUN | LOCKED | NO_JOB => FailureClass::Busy,
        GONE => FailureClass::Conflict,
        TRIGGER => FailureClass::NotPermitted,
        // A deadlock, a lock, memory, workers, a log that is full, a database that is not there for now, Azure's throttling.
        1205 | 1222 | 701 | 8645 | 8651 | 10_928 | 10_929 | 9001 | 9002 | 1105 | 922 | 924 | 927 | 942 | 952 | 976
        | 978 | 983 | 17_809 | 17_830 | 40_197 | 40_501 | 40_613 | 49_918 | 49_919 | 49_920 | 15_434 | 6005 => {
            FailureClass::Busy
        }
        // Log-ins that are refused, locked or expired.
        18_452 | 18_456 | 18_470 | 18_486 | 18_487 | 18_488 | 18_450 | 18_451 | 40_532 => {
            FailureClass::CredentialsRefused
        }
        // A right is missing, or, as the server words it, "does not exist or you do not have permission".
        229 | 230 | 262 | 297 | 300 | 378 | 916 | 4834 | 6102 | 10_011 | 15_151 | 15_247 | 15_404 | 15_406 | 15_578
        | 15_562 | 33_009 => FailureClass::NotPermitted,
        // What is there contradicts: names, owners, policies, read-only databases.
        911
        | 4060
        | 4064
        | 3906
        | 15_006
        | 15_007
        | 15_010
        | 15_014
        | 15_023
        | 15_025
        | 15_401
        | 15_405
        | 15_410
        | 15_433
        | 15_113..=15_119
        | 15_138
        | 15_141
        | 15_150
        | 15_136
        | 15_170
        | 15_173
        | 15_174
        | 15_175
        | 15_183
        | 15_184
        | 15_186
        | 15_190
        | 15_284
        | 15_421
        | 33_233
        | 33_235
        | 40_631
        | 40_632 => FailureClass::Conflict,
        _ => FailureClass::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides() {
        for (number, class) in [
            (18_456, FailureClass::CredentialsRefused),
            (1222, FailureClass::Busy),
            (DEADLOCK, FailureClass::Busy),
            (15_151, FailureClass::NotPermitted),
            (229, FailureClass::NotPermitted),
            (15_025, FailureClass::Conflict),
            (15_118, FailureClass::Conflict),
            (TOO_LATE, FailureClass::Busy),
            (TRIGGER, FailureClass::NotPermitted),
            (102, FailureClass::Bug),
        ] {
            assert_eq!(class_of(number), class, "{number}");
            let failure = Trouble::Refused { number }.failure("it", "");
            assert_eq!(failure.class, class);
        }
        let fixed = Trouble::Refused { number: 15_247 }.failure("it", "GRANT x;");
        assert!(fixed.text.ends_with("as a member of sysadmin: GRANT x;"), "{}", fixed.text);
        assert!(Trouble::Refused { number: DEADLOCK }.is_race());
    }

    #[test]
    fn lost_commands_have_unknown_outcomes() {
        assert_eq!(Trouble::Lost.failure("it", "").class, FailureClass::Unreachable);
        assert_eq!(Trouble::Lost.failure_of_opening("it", "").class, FailureClass::OutcomeUnknown);
        assert_eq!(Trouble::NotSent.failure_of_opening("it", "").class, FailureClass::Unreachable);
    }
}
