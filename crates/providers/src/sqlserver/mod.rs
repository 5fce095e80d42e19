//! SQL Server 2016 to 2022 and Azure SQL: log-ins with a user in each database that they need, users of contained databases, and
//! memberships of roles of the server or of a database.
//!
//! How the promises are kept here:
//! * The target's identity is the server's name with the GUID of its `master` (of the contained database, with that one's), read
//!   once on each connection and compared before anything is changed.
//! * Opening, looking and removing take one application lock for each change, of a transaction, so that a look after a command's
//!   last moment sees what became of it.
//! * Our account is the log-in whose SID we drew before it was made, while it has our name or our mark: an extended property of
//!   its user in the home database, since a log-in itself can carry none. Anything else of that name is a stranger.
//! * A log-in is dropped only after its users in every database, also in those that others let it into; what is there is read
//!   from the catalogue and never told from the absence of an error, since the server says alike of what is not there and of
//!   what may not be seen.
//! * Texts never change and their values are arguments; statements made here name with brackets only. Nothing that an account
//!   wrote is run when it is removed.

mod check;
mod close;
mod connection;
mod holders;
mod look;
mod manual;
mod names;
mod open;
mod password;
mod payload;
mod scan;
mod scope;
mod seen;
mod settings;
mod sql;
mod survey;
mod texts;
mod trouble;
mod visit;
mod wire;

use crate::batch::Outcomes;
use crate::descriptor::{Capabilities, Descriptor, TargetDeadline};
use crate::pool;
use crate::services::Services;
use async_trait::async_trait;
use connection::Pool;
use mayfly_domain::{Failure, Permit};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Pace, Provider, Sight, Survey, SurveyStep,
};
use payload::Frozen;
use std::sync::Arc;

/// What this provider says of itself.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "sqlserver",
    title: "SQL Server",
    settings: settings::DESCRIBED,
    capabilities: Capabilities {
        accounts: true,
        memberships: true,
        ends_sessions: true,
        marks: true,
        // A job of Agent's holds one where it can; nothing of that can be promised of every server.
        account_deadline: TargetDeadline::None,
        membership_deadline: TargetDeadline::None,
    },
    account_if_destroyed: "where SQL Server Agent runs and lets Mayfly make jobs, a job disables the log-in at its deadline, and sessions that \
                           are open then go on; elsewhere the log-in stays usable until somebody removes it",
    membership_if_destroyed: "the account stays a member of the role until somebody drops it from it: SQL Server has no deadline for a \
                              membership",
};

/// A shell script that undoes a change by hand.
///
/// # Errors
/// When this build cannot read what was written down of the change.
pub(crate) fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
    manual::by_hand(change)
}

/// Which connection a change needs.
fn purpose(change: &ChangeRow) -> Result<String, Failure> {
    Frozen::read(&change.payload).map(|frozen| frozen.home().purpose())
}

/// The provider.
pub struct SqlServer {
    pool: Arc<Pool>,
}

impl SqlServer {
    /// A provider without any connection yet.
    pub fn new(services: Services) -> Self {
        Self { pool: pool::Pool::new(services) }
    }
}

#[async_trait]
impl Provider for SqlServer {
    /// What goes together is one transaction and one batch.
    fn pace(&self) -> Pace {
        Pace::Together
    }

    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        let mut surveys = Vec::with_capacity(steps.len());
        for step in &steps {
            surveys.push(survey::survey(&self.pool, step).await);
        }
        surveys
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let Some(first) = group.indices.first().and_then(|&index| steps.get(index)) else { continue };
            let lease = group.lease(&self.pool, Permit::Open(&first.permit)).await;
            let lease = match lease.and_then(|lease| lease.facts.require(&group.target).map(|()| lease)) {
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
            let lease = group.lease(&self.pool, Permit::Undo(&first.owed)).await;
            match lease.and_then(|lease| lease.facts.require(&group.target).map(|()| lease)) {
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
            let lease = group.lease(&self.pool, Permit::Undo(&first.owed)).await;
            let lease = match lease.and_then(|lease| lease.facts.require(&group.target).map(|()| lease)) {
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
                let explained = match result {
                    Err(known) => Err(close::explain(&self.pool, step, known).await),
                    done => done,
                };
                outcomes.settle(index, explained);
            }
        }
        outcomes.finish()
    }
}
