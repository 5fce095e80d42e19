//! The ends of a change and their proofs. A proof can be made only here, from what was seen; whoever lets go of a change
//! has to show one. Only the engine judges a look (`cargo xtask tidy` keeps it so); the tests of stores do too.

use crate::ports::ledger::ChangeRow;
use crate::ports::provider::{Presence, Sight};
use mayfly_domain::{Administration, ChangeState, WallTime};

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was seen to be gone, and can no longer come.
    Absent(AbsentProof),
    /// Nobody of ours needs it any more, and it was there before us.
    Released(ReleasedProof),
    /// It stays by policy and cannot log in.
    Kept(KeptProof),
    /// A named person took its target out of the books.
    WrittenOff(WrittenOffProof),
}

impl Ending {
    /// The state that the change goes to.
    pub const fn state(&self) -> ChangeState {
        match self {
            Self::Absent(_) => ChangeState::Absent,
            Self::Released(_) => ChangeState::Released,
            Self::Kept(_) => ChangeState::Kept,
            Self::WrittenOff(_) => ChangeState::WrittenOff,
        }
    }
}

/// Whether no command that makes this change can take effect any more.
fn cannot_come(change: &ChangeRow, sight: &Sight) -> bool {
    change.confirmed || sight.carrier_gone || sight.target_now > change.last_moment
}

/// The proof that a change is not on the target and cannot appear there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentProof {
    seen_at: WallTime,
}

impl AbsentProof {
    /// Judges a look: nothing of ours is there, no session runs, and the opening command is either known to have taken
    /// effect before (so that its absence now is its removal) or cannot take effect any more.
    pub fn from_sight(change: &ChangeRow, sight: &Sight) -> Option<Self> {
        let gone = match sight.presence {
            Presence::Absent => true,
            // A stranger under the name of an account that we would have made means that ours is not there. A membership
            // somebody else added stands for itself and is judged by `ReleasedProof`.
            Presence::Stranger => change.kind == mayfly_domain::ChangeKind::Account,
            Presence::Ours { .. } => false,
        };
        (gone && cannot_come(change, sight) && sight.sessions == 0).then_some(Self { seen_at: sight.target_now })
    }

    /// The target's clock at the look.
    pub const fn seen_at(&self) -> WallTime {
        self.seen_at
    }
}

/// The proof that a membership was there before us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedProof(());

impl ReleasedProof {
    /// Judges what the ledger says of a membership, or what a look saw: somebody else's grant stands where ours would.
    pub fn from_prior(change: &ChangeRow) -> Option<Self> {
        change.prior.then_some(Self(()))
    }

    /// Judges a look: what is there is not ours, and ours cannot appear any more.
    pub fn from_sight(change: &ChangeRow, sight: &Sight) -> Option<Self> {
        (sight.presence == Presence::Stranger && cannot_come(change, sight) && sight.sessions == 0).then_some(Self(()))
    }
}

/// The proof that an account that stays by policy cannot log in and has no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProof(());

impl KeptProof {
    /// Judges a look.
    pub fn from_sight(sight: &Sight) -> Option<Self> {
        (sight.can_log_in == Some(false) && sight.sessions == 0).then_some(Self(()))
    }
}

/// The proof that a named person has said, with a reason, that a target no longer exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenOffProof {
    by: String,
    full: String,
    reason: String,
}

impl WrittenOffProof {
    /// Takes who administers and why; `None` without a reason.
    pub fn from_person(by: &Administration, reason: &str) -> Option<Self> {
        let reason = reason.trim();
        (!reason.is_empty()).then(|| Self { by: by.by().to_owned(), full: by.in_full(), reason: reason.to_owned() })
    }

    /// Who, as the trail names them.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Who, with the user as whom they logged in where that is known.
    pub fn in_full(&self) -> &str {
        &self.full
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
