//! The way out, verb by verb. Each step is safe to repeat and touches nothing that is not ours.

mod accounts;
mod definers;
mod hand_over;
mod membership;
mod sessions;
mod xa;

pub(crate) use accounts::{disable, remove};
pub(crate) use definers::has_leftovers;
pub(crate) use hand_over::hand_over;
pub(crate) use membership::withdraw;
pub(crate) use sessions::end_sessions;
pub(crate) use xa::Before;

use super::payload::Frozen;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::provider::CloseStep;

/// A step with what was frozen of its change.
pub(crate) type Step<'a> = (&'a CloseStep, &'a Frozen);

/// The failure of a verb that does not belong to the kind of change.
fn misplaced() -> Failure {
    Failure::new(FailureClass::Bug, "this step does not belong to this kind of change")
}
