//! Changes on targets and the states they go through. Nothing but the transitions listed here ever lets go of a record of
//! something that was, or may have been, done on a target.

#![deny(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};

/// What kind of thing was done on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// An account created.
    Account,
    /// An account added to a group or given a role.
    Membership,
    /// Something beside these that they need: a sudoers drop-in, a key file, a scheduled event.
    Companion,
    /// What a log-in leaves by itself where the account is not local: a home, processes, caches.
    Trace,
}

impl ChangeKind {
    /// The kind as it stands in the ledger and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Membership => "membership",
            Self::Companion => "companion",
            Self::Trace => "trace",
        }
    }

    /// Reads a kind back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Account, Self::Membership, Self::Companion, Self::Trace].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a change stands (DESIGN §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Written down; the command may or may not have reached the target.
    Intended,
    /// Seen to have taken effect.
    Present,
    /// On its way out: retried until one of the ends below is reached.
    Withdrawing,
    /// Seen to be gone.
    Absent,
    /// Others hold it, or it was there before us.
    Released,
    /// Left there by policy, closed to log-in; the alert stays.
    Kept,
    /// A named person took the target out of the books, with a reason.
    WrittenOff,
}

impl ChangeState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 7] =
        [Self::Intended, Self::Present, Self::Withdrawing, Self::Absent, Self::Released, Self::Kept, Self::WrittenOff];

    /// The state as it stands in the ledger and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Present => "present",
            Self::Withdrawing => "withdrawing",
            Self::Absent => "absent",
            Self::Released => "released",
            Self::Kept => "kept",
            Self::WrittenOff => "written_off",
        }
    }

    /// Reads a state back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether a change in this state may still be on the target and is still worked on.
    pub const fn is_unfinished(self) -> bool {
        match self {
            Self::Intended | Self::Present | Self::Withdrawing => true,
            Self::Absent | Self::Released | Self::Kept | Self::WrittenOff => false,
        }
    }

    /// Whether a change may go from this state to `next`.
    ///
    /// `Withdrawing → Intended` is the turning back of a membership that a new hold needs; `Kept → Withdrawing` is a retry
    /// that somebody asked for; `WrittenOff → Withdrawing` is a target that answered again.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Intended => matches!(next, Self::Present | Self::Withdrawing),
            Self::Present => matches!(next, Self::Withdrawing),
            Self::Withdrawing => {
                matches!(next, Self::Absent | Self::Released | Self::Kept | Self::WrittenOff | Self::Intended)
            }
            Self::Kept | Self::WrittenOff => matches!(next, Self::Withdrawing),
            Self::Absent | Self::Released => false,
        }
    }
}

/// What a provider needs to undo a change, in its own versioned form. The engine and the store carry it and never look in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The provider's name for this kind of payload, for example `postgresql.account`.
    pub kind: String,
    /// The version of the form; old versions stay readable.
    pub version: u16,
    /// The payload itself. Never holds a secret.
    pub bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for state in ChangeState::ALL {
            assert_eq!(ChangeState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ChangeState::parse("gone"), None);
        assert_eq!(ChangeKind::parse("account"), Some(ChangeKind::Account));
        assert_eq!(ChangeKind::parse("Account"), None);
    }

    /// DESIGN §4, "States of a change": the whole table, so that a new arrow has to be written down here too.
    #[test]
    fn only_the_listed_transitions_exist() {
        use ChangeState::{Absent, Intended, Kept, Present, Released, Withdrawing, WrittenOff};
        let allowed = [
            (Intended, Present),
            (Intended, Withdrawing),
            (Present, Withdrawing),
            (Withdrawing, Absent),
            (Withdrawing, Released),
            (Withdrawing, Kept),
            (Withdrawing, WrittenOff),
            (Withdrawing, Intended),
            (Kept, Withdrawing),
            (WrittenOff, Withdrawing),
        ];
        for from in ChangeState::ALL {
            for to in ChangeState::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn nothing_ends_without_withdrawing() {
        for from in [ChangeState::Intended, ChangeState::Present] {
            for end in [ChangeState::Absent, ChangeState::Released, ChangeState::Kept, ChangeState::WrittenOff] {
                assert!(!from.may_become(end), "{from:?} -> {end:?}");
            }
        }
    }
}
