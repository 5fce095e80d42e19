//! Linux hosts over SSH: accounts with a uid of our own range and a key or certificate that ends by itself, and memberships of local groups.
//!
//! How the promises are kept here:
//! * The target's identity is the host's machine id, or the key that it proved where it has none, and is compared before
//!   anything is changed.
//! * Opening, looking and removing take one lock for each account on the host, and every command tests its last moment under it,
//!   so that a look after that moment sees what became of it.
//! * Our account is the one whose uid the ledger holds while it has our name or our mark (in GECOS); without a recorded uid, the
//!   one with our mark. Anything else of that name is a stranger.
//! * Where the root-owned helper is installed, it is used, and holds every value against its own configuration first.
//! * Values reach the host as lines on a script's standard input and are never part of its text. Of what the host answers only
//!   words and numbers that were expected are believed, and paths are shown escaped.

mod answer;
mod certificates;
mod check;
mod close;
mod connection;
mod helper;
mod holders;
mod look;
mod manual;
mod open;
mod payload;
mod pool;
mod ready;
mod scan;
mod scope;
mod script;
mod settings;
mod survey;
mod trouble;
mod visit;

use crate::descriptor::{Capabilities, Descriptor, TargetDeadline};
use crate::services::Services;
use async_trait::async_trait;
pub use certificates::certificate_terms;
use futures_util::future::join_all;
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Provider, Sight, Survey, SurveyStep,
};
use pool::Pool;
use std::sync::Arc;

/// What this provider says of itself.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "linux",
    title: "Linux",
    settings: settings::DESCRIBED,
    capabilities: Capabilities {
        accounts: true,
        memberships: true,
        ends_sessions: true,
        marks: true,
        account_deadline: TargetDeadline::LogIn,
        membership_deadline: TargetDeadline::None,
    },
    account_if_destroyed: "the host refuses the session's key or certificate once its time has passed, and every log-in from the day after; \
                           a session that is open then goes on until it closes, and the account and what it owns stay until \
                           somebody removes them",
    membership_if_destroyed: "the account stays in the group until somebody takes it out: Linux has no deadline for a membership",
};

/// A shell script that undoes a change by hand.
///
/// # Errors
/// When this build cannot read what was written down of the change.
pub(crate) fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
    manual::by_hand(change)
}

/// The provider.
pub struct Linux {
    pool: Arc<Pool>,
    services: Services,
}

impl Linux {
    /// A provider without any connection yet.
    pub fn new(services: Services) -> Self {
        Self { pool: Pool::new(services.clone()), services }
    }
}

#[async_trait]
impl Provider for Linux {
    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        join_all(steps.iter().map(|step| survey::survey(&self.pool, &step.permit, &step.request))).await
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        join_all(steps.iter().map(|step| open::open(&self.pool, step))).await
    }

    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>> {
        join_all(steps.iter().map(|step| look::look(&self.pool, step))).await
    }

    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>> {
        join_all(steps.iter().map(|step| close::close(&self.pool, verb, step))).await
    }
}
