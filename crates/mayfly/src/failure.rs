//! What can go wrong, and the exit code that follows from it: the one place in which a failure becomes a number.

use mayfly_wire::problem::{Code, Problem};

/// How the program ends. The numbers are part of the interface and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It is done.
    Done = 0,
    /// Something failed that is nobody's mistake here: no server, a broken disk.
    Unexpected = 1,
    /// The command line or what it names is not valid.
    Usage = 2,
    /// The person has to sign in, or did not manage to.
    SignIn = 3,
    /// The caller may not do this.
    NotPermitted = 4,
    /// There is no such thing.
    NotFound = 5,
    /// The target does not answer, or something could not be done there.
    Target = 9,
    /// Somebody or something else is in the way, for now.
    Conflict = 10,
    /// The trail does not verify.
    Verification = 11,
    /// It works, and something remains to be done: a check's statements, or a server that is not ready.
    Pending = 12,
    /// `db` failed before or after the client that it runs; every other code of `db` is the client's own.
    Wrapper = 255,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// A short text and a machine's word for failures of the client itself, in the manner of the server's problems.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Usage => ("invalid input", "invalid"),
            Self::SignIn => ("sign-in needed", "sign_in"),
            Self::NotPermitted => ("not permitted", "not_permitted"),
            Self::NotFound => ("not found", "not_found"),
            Self::Target => ("target failed", "target_failed"),
            Self::Conflict => ("conflict", "conflict"),
            Self::Verification => ("verification failed", "verification_failed"),
            Self::Done | Self::Unexpected | Self::Pending | Self::Wrapper => ("client failed", "client"),
        }
    }
}

impl From<Code> for Exit {
    fn from(code: Code) -> Self {
        match code {
            Code::Invalid => Self::Usage,
            Code::SignIn | Code::Locked => Self::SignIn,
            Code::NotPermitted => Self::NotPermitted,
            Code::NotFound => Self::NotFound,
            Code::TargetFailed => Self::Target,
            Code::Conflict | Code::Busy => Self::Conflict,
            Code::Server => Self::Unexpected,
        }
    }
}

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server says so.
    Problem(Box<Problem>),
    /// The client found it out by itself.
    Own {
        /// How the program ends.
        exit: Exit,
        /// What was wrong, where, and what to do.
        detail: String,
        /// Commands that may help, in their order.
        next: Vec<String>,
    },
}

impl Failure {
    /// A failure of the client itself.
    pub(crate) fn own(exit: Exit, detail: impl Into<String>) -> Self {
        Self::Own { exit, detail: detail.into(), next: Vec::new() }
    }

    /// Something that is nobody's mistake.
    pub(crate) fn unexpected(detail: impl Into<String>) -> Self {
        Self::own(Exit::Unexpected, detail)
    }

    /// A mistake in what was typed or named.
    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::own(Exit::Usage, detail)
    }

    /// The same failure with a command that may help.
    pub(crate) fn hint(mut self, command: impl Into<String>) -> Self {
        match &mut self {
            Self::Own { next, .. } => next.push(command.into()),
            Self::Problem(problem) => problem.next.push(command.into()),
        }
        self
    }

    /// What was wrong, where, and what to do.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Problem(problem) => &problem.detail,
            Self::Own { detail, .. } => detail,
        }
    }

    /// Commands that may help, in their order.
    pub(crate) fn next(&self) -> &[String] {
        match self {
            Self::Problem(problem) => &problem.next,
            Self::Own { next, .. } => next,
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Problem(problem) => problem.code.into(),
            Self::Own { exit, .. } => *exit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_problem_has_its_exit_code() {
        let expected = [
            (Code::Invalid, 2),
            (Code::SignIn, 3),
            (Code::Locked, 3),
            (Code::NotPermitted, 4),
            (Code::NotFound, 5),
            (Code::TargetFailed, 9),
            (Code::Conflict, 10),
            (Code::Busy, 10),
            (Code::Server, 1),
        ];
        for (code, exit) in expected {
            assert_eq!(Exit::from(code).code(), exit, "{code:?}");
        }
    }

    #[test]
    fn a_hint_is_added_to_both_kinds() {
        let Failure::Own { next, .. } = Failure::usage("no").hint("mayfly ls") else { panic!() };
        assert_eq!(next, ["mayfly ls"]);
    }
}
