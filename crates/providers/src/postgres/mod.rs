//! PostgreSQL 13 to 18: accounts that carry a SCRAM verifier and an expiry of their own, and memberships of existing roles.
//!
//! How the promises are kept here:
//! * The target's identity is the cluster's system identifier, read once on each connection and compared before anything is
//!   changed. A physical copy of a cluster has the same one; a standby is refused.
//! * Opening, looking and removing take one advisory lock for each change, so that a look after a command's last moment sees
//!   what became of it.
//! * Our account is the role whose oid the ledger holds while it has our name or our mark (its comment); without a recorded
//!   oid, the role with our mark. Anything else of that name is a stranger.
//! * Statements are built from quoted names only; the search path holds no schema in which users create things; nothing that
//!   an account wrote is run or evaluated when it is removed.

mod check;
mod close;
mod connection;
mod elsewhere;
mod holders;
mod look;
mod manual;
mod open;
mod payload;
mod scan;
mod scope;
mod settings;
mod sql;
mod survey;
mod tls;
mod trouble;
mod visit;

use crate::batch::{Group, Outcomes};
use crate::descriptor::{Capabilities, Descriptor, TargetDeadline};
use crate::services::Services;
use async_trait::async_trait;
use connection::{Lease, Pool};
use mayfly_domain::{Failure, Permit};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Pace, Provider, Sight, Survey, SurveyStep,
};
use std::sync::Arc;

/// What this provider says of itself.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "postgresql",
    title: "PostgreSQL",
    settings: settings::DESCRIBED,
    capabilities: Capabilities {
        accounts: true,
        memberships: true,
        ends_sessions: true,
        marks: true,
        account_deadline: TargetDeadline::LogIn,
        membership_deadline: TargetDeadline::None,
    },
    account_if_destroyed: "PostgreSQL refuses log-ins of this account once its VALID UNTIL has passed; a session that is open \
                           then goes on until it closes, and the role and what it owns stay until somebody removes them",
    membership_if_destroyed: "the role stays granted until somebody revokes it: PostgreSQL has no deadline for a grant",
};

/// A shell script that undoes a change by hand.
///
/// # Errors
/// When this build cannot read what was written down of the change.
pub(crate) fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
    manual::by_hand(change)
}

/// The provider.
pub struct Postgres {
    pool: Arc<Pool>,
}

impl Postgres {
    /// A provider without any connection yet.
    pub fn new(services: Services) -> Self {
        Self { pool: Pool::new(services) }
    }
}

#[async_trait]
impl Provider for Postgres {
    /// What goes together is one transaction and one commit: ten accounts in one were measured at five times the rate of one.
    fn pace(&self) -> Pace {
        Pace::Together
    }

    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        survey::survey(&self.pool, &steps).await
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let Some(first) = group.indices.first().and_then(|&index| steps.get(index)) else { continue };
            let lease = match self.lease(&group, Permit::Open(&first.permit)).await {
                Ok(lease) => lease,
                Err(failure) => {
                    outcomes.fail(&group, &failure);
                    continue;
                }
            };
            let (mut indices, mut prepared) = (Vec::new(), Vec::new());
            for &index in &group.indices {
                match steps.get(index).map(|step| open::prepare(self.pool.services(), step)) {
                    Some(Ok(one)) => {
                        indices.push(index);
                        prepared.push(one);
                    }
                    Some(Err(failure)) => outcomes.settle(index, Err(failure)),
                    None => {}
                }
            }
            for (index, outcome) in indices.into_iter().zip(open::make(&lease, &prepared).await) {
                outcomes.settle(index, outcome);
            }
            lease.give_back();
        }
        outcomes.finish()
    }

    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>> {
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let mine: Vec<&LookStep> = group.indices.iter().filter_map(|&index| steps.get(index)).collect();
            let Some(first) = mine.first() else { continue };
            match self.lease(&group, Permit::Undo(&first.owed)).await {
                Ok(lease) => {
                    for (&index, outcome) in group.indices.iter().zip(look::look(&lease, &mine).await) {
                        outcomes.settle(index, outcome);
                    }
                    lease.give_back();
                }
                Err(failure) => outcomes.fail(&group, &failure),
            }
        }
        outcomes.finish()
    }

    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>> {
        if verb == CloseVerb::HandOver {
            let mut outcomes = Vec::with_capacity(steps.len());
            for step in &steps {
                outcomes.push(close::hand_over(&self.pool, step).await);
            }
            return outcomes;
        }
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let mine: Vec<&CloseStep> = group.indices.iter().filter_map(|&index| steps.get(index)).collect();
            let Some(first) = mine.first() else { continue };
            let lease = match self.lease(&group, Permit::Undo(&first.owed)).await {
                Ok(lease) => lease,
                Err(failure) => {
                    outcomes.fail(&group, &failure);
                    continue;
                }
            };
            let results = match verb {
                CloseVerb::EndSessions => close::end_sessions(&lease, &mine).await,
                CloseVerb::Disable | CloseVerb::Withdraw | CloseVerb::Remove | CloseVerb::HandOver => {
                    close::by_blocks(&lease, verb, &mine).await
                }
            };
            lease.give_back();
            for ((&index, step), result) in group.indices.iter().zip(mine).zip(results) {
                outcomes.settle(index, self.explained(step, result).await);
            }
        }
        outcomes.finish()
    }
}

/// What a connection for a change has to be: one to the database in which the work on it is done.
fn purpose(change: &ChangeRow) -> Result<String, Failure> {
    Ok(payload::Frozen::read(&change.payload)?.maintenance_database().to_owned())
}

impl Postgres {
    /// A connection to the target that the steps belong to; `IdentityChanged` when another server answers.
    async fn lease(&self, group: &Group, permit: Permit<'_>) -> Result<Lease, Failure> {
        let lease = group.lease(&self.pool, permit).await?;
        lease.facts.require(&group.target)?;
        Ok(lease)
    }

    /// A removal that failed because something depends on the account says what.
    async fn explained(&self, step: &CloseStep, result: Result<Closed, Failure>) -> Result<Closed, Failure> {
        match result {
            Err(known) if close::has_dependents(&known) => Err(close::explain(&self.pool, step, known).await),
            other => other,
        }
    }
}
