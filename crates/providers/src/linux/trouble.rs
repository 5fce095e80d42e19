//! What can go wrong while a script runs on a host, and what class of failure it is. The words by which our scripts name a reason
//! decide; what a host's tools print stays out of every text.

use mayfly_dial::ssh::SshError;
use mayfly_domain::{Failure, FailureClass};

/// Something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The script ended by itself, with this reason.
    Said(String),
    /// The script did not begin: no sudo, no shell, no `timeout`.
    NotBegun,
    /// The host took no channel or command; nothing was started.
    NotStarted,
    /// The connection broke after the script was sent: whether it took effect is not known.
    Lost,
    /// The answer did not come within our limit, or was longer than it may be.
    Slow,
    /// An answer that our scripts never give, or one that ends half-way.
    Garbled,
    /// Known in full already.
    Known(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Known(failure)
    }
}

impl From<SshError> for Trouble {
    fn from(error: SshError) -> Self {
        match error {
            SshError::NotStarted | SshError::Refused => Self::NotStarted,
            SshError::Lost => Self::Lost,
            SshError::TimedOut(_) | SshError::TooMuch(_) => Self::Slow,
        }
    }
}

impl Trouble {
    /// The failure of a step that may be repeated. `doing` completes "… failed".
    pub(super) fn failure(&self, doing: &str) -> Failure {
        let (class, what) = match self {
            Self::Known(failure) => return failure.clone(),
            Self::Said(reason) => of_reason(reason),
            Self::NotBegun => (
                FailureClass::NotPermitted,
                "the administrative account may not become root on the host: it has to be root, or sudo has to let it without a \
                 password (`mayfly record check` prints the line)"
                    .to_owned(),
            ),
            Self::NotStarted => (FailureClass::Busy, "the host takes no other command on this connection".to_owned()),
            Self::Lost => (FailureClass::Unreachable, "the connection to the host broke".to_owned()),
            Self::Slow => (FailureClass::Unreachable, "the host did not answer in time".to_owned()),
            Self::Garbled => (FailureClass::Bug, "the host's answer is not one that our script gives".to_owned()),
        };
        Failure::new(class, format!("{doing} failed: {what}"))
    }

    /// The failure of a step that makes something and is never repeated: what was sent may still take effect.
    pub(super) fn failure_of_opening(&self, doing: &str) -> Failure {
        match self {
            Self::Lost | Self::Slow | Self::Garbled => Failure::new(
                FailureClass::OutcomeUnknown,
                format!("{doing}: the command was sent and its answer did not come"),
            ),
            Self::Said(_) | Self::NotBegun | Self::NotStarted | Self::Known(_) => self.failure(doing),
        }
    }
}

/// The class of a reason, and what is said of it.
fn of_reason(reason: &str) -> (FailureClass, String) {
    use FailureClass::{Bug, Busy, Conflict, NotPermitted, OutcomeUnknown};
    let (word, rest) = reason.split_once(' ').unwrap_or((reason, ""));
    let (class, what) = match word {
        "late" => (Busy, "the command reached the host after its last moment; nothing was changed"),
        "busy" => (Busy, "somebody else is editing the accounts of the host"),
        "running" => (Busy, "a process of the account still runs on the host"),
        "taken" => (Conflict, "something of that name is on the host already and is not touched"),
        "home" => (Conflict, "the directory that would be its home is on the host already and is not touched"),
        "group" => (Conflict, "the group is not on the host any more, or has another id"),
        "gone" => (Conflict, "the account is not on the host any more"),
        "searching" => (
            Busy,
            "every id of the record's range was used, and the host is being searched for ids that own nothing: try again in a few \
             minutes",
        ),
        "leftovers" => (Conflict, "files or other things of the account are still on the host"),
        "sudoers" => (Conflict, "visudo refuses the file for sudo"),
        "unknown" => (OutcomeUnknown, "the account was begun and not finished"),
        "ids" => return (Conflict, of_ids(rest)),
        "tool" => return (Conflict, format!("the host has no program {}: install it", word_only(rest))),
        "stays" => return (Conflict, format!("{rest:?} cannot be removed from the host")),
        "refused" => return (NotPermitted, of_refusal(rest)),
        "idle" => {
            let text = format!("{} says that it has done its work and has not: was it replaced?", word_only(rest));
            return (Conflict, text);
        }
        "edit" => return (Conflict, format!("a tool of the host refused ({})", word_only(rest))),
        _ => (Bug, "the host gives a reason that our script does not know"),
    };
    (class, what.to_owned())
}

/// Why there is no id for another account.
fn of_ids(rest: &str) -> String {
    let first = match rest.split_once(' ') {
        Some((id, what)) => {
            let what: String = what.chars().take(200).collect();
            format!(", the first one, {}, for example {what:?}", word_only(id))
        }
        None => String::new(),
    };
    format!(
        "every id of the record's range was used, and each of them is somebody's or still owns something on the host{first}: widen \
         `id_least` and `id_most`, or remove that"
    )
}

/// What the helper does not take, and where it is told to.
fn of_refusal(rest: &str) -> String {
    let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
    let value: String = value.chars().take(300).collect();
    match key {
        "conf" => format!(
            "the helper on the host trusts its configuration only when it, /etc/mayfly and /etc are root's and can be changed by \
             nobody else: {value:?} is not"
        ),
        "installation" | "prefix" | "ids" | "homes" | "keys" | "shell" | "swept" | "group" | "account" => format!(
            "the helper on the host does not take {:?}: its /etc/mayfly/helper.conf needs a line for it, which what `mayfly record \
             install-helpers` prints writes there",
            format!("{key} {value}")
        ),
        _ => format!("the helper on the host does not take this ({}): install it again", word_only(rest)),
    }
}

/// A name and a number of ours, and nothing that a host could make of it.
fn word_only(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || " -_.".contains(*c)).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_scripts_words_decide() {
        for (reason, class) in [
            ("late", FailureClass::Busy),
            ("busy", FailureClass::Busy),
            ("running", FailureClass::Busy),
            ("taken", FailureClass::Conflict),
            ("unknown", FailureClass::OutcomeUnknown),
            ("edit useradd 4", FailureClass::Conflict),
            ("tool flock", FailureClass::Conflict),
            ("idle userdel", FailureClass::Conflict),
            ("stays /home/a\u{1b}[2J", FailureClass::Conflict),
            ("refused group \u{1b}[2J", FailureClass::NotPermitted),
            ("nonsense", FailureClass::Bug),
        ] {
            let failure = Trouble::Said(reason.to_owned()).failure("it");
            assert_eq!(failure.class, class, "{reason}");
            assert!(!failure.text.contains('\u{1b}'), "{failure}");
        }
    }

    #[test]
    fn only_openings_have_unknown_outcomes() {
        for trouble in [Trouble::Lost, Trouble::Slow, Trouble::Garbled] {
            assert_eq!(trouble.failure_of_opening("it").class, FailureClass::OutcomeUnknown);
            assert_ne!(trouble.failure("it").class, FailureClass::OutcomeUnknown);
        }
        for trouble in [Trouble::NotBegun, Trouble::NotStarted, Trouble::Said("late".to_owned())] {
            assert_ne!(trouble.failure_of_opening("it").class, FailureClass::OutcomeUnknown);
        }
    }

    /// Every reason that a script of ours gives is one that is known here.
    #[test]
    fn every_reason_of_the_scripts_is_known() {
        let scripts = [
            include_str!("sh/prelude.sh"),
            include_str!("sh/survey.sh"),
            include_str!("sh/open_account.sh"),
            include_str!("sh/free_ids.sh"),
            include_str!("sh/disable_account.sh"),
            include_str!("sh/end_account.sh"),
            include_str!("sh/hand_over_account.sh"),
            include_str!("sh/remove_account.sh"),
            include_str!("sh/open_membership.sh"),
            include_str!("sh/withdraw.sh"),
            include_str!("sh/open_companion.sh"),
            include_str!("sh/helper.sh"),
        ];
        let mut seen = 0;
        for line in scripts.iter().flat_map(|script| script.lines()).filter(|line| !line.trim_start().starts_with('#'))
        {
            for (at, _) in line.match_indices("fail ") {
                let reason = line[at + 5..].trim_start_matches('"').split([' ', '"', ';']).next().unwrap();
                if reason.starts_with('$') {
                    continue;
                }
                seen += 1;
                assert_ne!(of_reason(reason).0, FailureClass::Bug, "{reason}: {line}");
            }
        }
        assert!(seen > 20, "{seen}");
    }
}
