//! The decision of the way out, pure: from what the ledger holds, what this pass has tried and what was last seen, the one
//! next thing to do. The executor in [`crate::pass`] does it and asks again.
//!
//! The order is the order of access: a step that failed never holds back one that takes more access away, and nothing is
//! let go of without a look.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::ports::ledger::ChangeRow;
use crate::ports::proof::{AbsentProof, Ending, KeptProof, ReleasedProof};
use crate::ports::provider::{CloseVerb, Presence, Sight};
use mayfly_domain::{ChangeKind, Failure, FailureClass, WallTime};
use std::collections::BTreeMap;

/// What one pass over a change has done so far. Nothing of it is durable: the next pass starts from a look again.
#[derive(Debug, Clone, Default)]
pub(crate) struct PassState {
    /// The verbs tried in this pass, with the failure of the last try.
    pub(crate) tried: BTreeMap<CloseVerb, Option<Failure>>,
    /// How often sessions were told to end.
    pub(crate) end_rounds: u32,
    /// How many sessions the last such step left.
    pub(crate) sessions_left: u32,
    /// What was seen last, if nothing was done to the target since.
    pub(crate) sight: Option<Sight>,
    /// Why the last look failed.
    pub(crate) look_failure: Option<Failure>,
    /// Whether the policy says that the account stays.
    pub(crate) stays: bool,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do this step.
    Step(CloseVerb),
    /// Look.
    Look,
    /// Write down that it has ended.
    Conclude(Ending),
    /// Look again after this moment of the target's clock: what we sent may still arrive.
    WaitUntil(WallTime),
    /// End the pass; try again later because of this.
    GiveUp(Failure),
}

impl PassState {
    fn failure_of(&self, verb: CloseVerb) -> Option<&Failure> {
        self.tried.get(&verb).and_then(Option::as_ref)
    }

    /// A failure that every other step on this target would meet too.
    fn target_failure(&self) -> Option<&Failure> {
        self.tried.values().flatten().chain(self.look_failure.as_ref()).find(|failure| match failure.class {
            FailureClass::Unreachable | FailureClass::CredentialsRefused => true,
            FailureClass::NotPermitted
            | FailureClass::Conflict
            | FailureClass::IdentityChanged
            | FailureClass::Busy
            | FailureClass::OutcomeUnknown
            | FailureClass::Bug => false,
        })
    }

    /// The first failure of the steps in their order: the one that took the least access away.
    fn worst(&self, otherwise: &str) -> Failure {
        self.tried
            .values()
            .flatten()
            .next()
            .cloned()
            .unwrap_or_else(|| Failure::new(FailureClass::Busy, otherwise.to_owned()))
    }
}

/// Decides the next thing to do for a change that is on its way out and that nobody holds any more.
pub(crate) fn next(change: &ChangeRow, pass: &PassState, end_rounds: u32) -> Next {
    if let Some(failure) = pass.target_failure() {
        return Next::GiveUp(failure.clone());
    }
    if let Some(verb) = first_untried(change, pass) {
        return Next::Step(verb);
    }
    if let Some(proof) = ReleasedProof::from_prior(change) {
        return match pass.failure_of(CloseVerb::EndSessions) {
            Some(failure) => Next::GiveUp(failure.clone()),
            None if pass.sessions_left == 0 => Next::Conclude(Ending::Released(proof)),
            None if pass.end_rounds < end_rounds => Next::Step(CloseVerb::EndSessions),
            None => Next::GiveUp(pass.worst("sessions of the account are still running on the target")),
        };
    }
    let Some(sight) = &pass.sight else {
        return pass.look_failure.clone().map_or(Next::Look, Next::GiveUp);
    };
    if sight.sessions > 0 {
        return if pass.end_rounds < end_rounds {
            Next::Step(CloseVerb::EndSessions)
        } else {
            Next::GiveUp(pass.worst("sessions of the account are still running on the target"))
        };
    }
    match &sight.presence {
        Presence::Absent | Presence::Stranger => gone(change, pass, sight),
        Presence::Ours { leftovers, .. } => still_there(change, pass, sight, *leftovers),
    }
}

/// The steps that are tried in every pass before anything is looked at, since each takes access away.
fn first_untried(change: &ChangeRow, pass: &PassState) -> Option<CloseVerb> {
    let verbs: &[CloseVerb] = match change.kind {
        ChangeKind::Account => &[CloseVerb::Disable, CloseVerb::EndSessions],
        ChangeKind::Membership if change.prior => &[CloseVerb::EndSessions],
        ChangeKind::Membership => &[CloseVerb::EndSessions, CloseVerb::Withdraw],
        ChangeKind::Companion | ChangeKind::Trace => &[],
    };
    verbs.iter().copied().find(|verb| !pass.tried.contains_key(verb))
}

fn gone(change: &ChangeRow, pass: &PassState, sight: &Sight) -> Next {
    if let Some(proof) = AbsentProof::from_sight(change, sight) {
        return Next::Conclude(Ending::Absent(proof));
    }
    if let Some(proof) = ReleasedProof::from_sight(change, sight) {
        return Next::Conclude(Ending::Released(proof));
    }
    if sight.target_now <= change.last_moment {
        return Next::WaitUntil(change.last_moment);
    }
    Next::GiveUp(pass.worst("what the target shows cannot be judged"))
}

fn still_there(change: &ChangeRow, pass: &PassState, sight: &Sight, leftovers: bool) -> Next {
    match change.kind {
        ChangeKind::Membership => Next::GiveUp(pass.worst("the membership is still there after it was withdrawn")),
        ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => {
            if leftovers && !pass.tried.contains_key(&CloseVerb::HandOver) {
                return Next::Step(CloseVerb::HandOver);
            }
            if pass.stays {
                return KeptProof::from_sight(sight).map_or_else(
                    || Next::GiveUp(pass.worst("the account stays by policy but can still log in")),
                    |proof| Next::Conclude(Ending::Kept(proof)),
                );
            }
            if let Some(failure) = pass.failure_of(CloseVerb::HandOver) {
                return Next::GiveUp(failure.clone());
            }
            if pass.tried.contains_key(&CloseVerb::Remove) {
                return Next::GiveUp(pass.worst("it is still there after it was removed"));
            }
            Next::Step(CloseVerb::Remove)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
