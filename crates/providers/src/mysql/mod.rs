//! MySQL 8.4 and 9, and MariaDB 10.11 and later: accounts that carry a verifier, and memberships of existing roles. One provider
//! each, in one folder, with a small [`Dialect`] for what differs.
//!
//! How the promises are kept here:
//! * The target's identity is MySQL's `server_uuid`; for MariaDB, which has none, its `server_id` with the second in which its own
//!   tables were made. It is read once on each connection and compared before anything is changed. A server that is read-only,
//!   as a replica is, is refused.
//! * Opening, looking and removing take one named lock for each change, so that a look after a command's last moment sees
//!   what became of it. Whoever takes access away before that waits for none.
//! * Neither server gives an account an identity that lasts: names are never used twice, and our account is the one that carries
//!   our mark. That is an attribute on MySQL; on MariaDB, which has no place for remarks, a second way to log in that can never be
//!   taken.
//! * A session outlives its account and keeps what it had, and is found by the account's name; how its age is known, says
//!   `log_ins`.
//! * Account statements commit one by one; what a request that failed half-way has made is taken back at once.

mod accounts;
mod check;
mod close;
mod connection;
mod dialect;
mod holders;
mod introduce;
mod log_ins;
mod look;
mod manual;
mod open;
mod payload;
mod rights;
mod scan;
mod sessions;
mod settings;
mod sql;
mod survey;
mod trouble;
mod visit;

use crate::batch::{Group, Outcomes};
use crate::descriptor::{Capabilities, Descriptor, TargetDeadline};
use crate::pool;
use crate::services::Services;
use async_trait::async_trait;
use connection::{Lease, Pool, Purpose};
use dialect::Dialect;
use log_ins::LogIns;
use mayfly_domain::{Failure, Permit};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{
    CloseStep, CloseVerb, Closed, LookStep, OpenStep, Opened, Pace, Provider, Sight, Survey, SurveyStep,
};
use payload::Frozen;
use std::sync::Arc;

const CAPABILITIES: Capabilities = Capabilities {
    accounts: true,
    memberships: true,
    ends_sessions: true,
    marks: true,
    account_deadline: TargetDeadline::LogIn,
    membership_deadline: TargetDeadline::None,
};

const ACCOUNT_IF_DESTROYED: &str = "where the server's event scheduler runs and Mayfly may make events, an event closes this account to log-ins at its deadline; \
     elsewhere it stays open, which `record check` says; a session that is open goes on, and the account and what it defined stay \
     until somebody removes them";

const MEMBERSHIP_IF_DESTROYED: &str =
    "the role stays granted until somebody revokes it: the server has no deadline for a grant";

/// What the provider for MySQL says of itself.
pub const MYSQL: Descriptor = Descriptor {
    name: "mysql",
    title: "MySQL",
    settings: settings::DESCRIBED,
    capabilities: CAPABILITIES,
    account_if_destroyed: ACCOUNT_IF_DESTROYED,
    membership_if_destroyed: MEMBERSHIP_IF_DESTROYED,
};

/// What the provider for MariaDB says of itself.
pub const MARIADB: Descriptor = Descriptor { name: "mariadb", title: "MariaDB", ..MYSQL };

/// A shell script that undoes a change on MySQL by hand.
///
/// # Errors
/// When this build cannot read what was written down of the change.
pub(crate) fn by_hand_on_mysql(change: &ChangeRow) -> Result<String, Failure> {
    manual::by_hand(Dialect::MySql, change)
}

/// A shell script that undoes a change on MariaDB by hand.
///
/// # Errors
/// As [`by_hand_on_mysql`].
pub(crate) fn by_hand_on_mariadb(change: &ChangeRow) -> Result<String, Failure> {
    manual::by_hand(Dialect::MariaDb, change)
}

/// The provider of one of the two.
pub struct MySql {
    dialect: Dialect,
    pool: Arc<Pool>,
    log_ins: LogIns,
    prepared_before: close::Before,
}

impl MySql {
    /// A provider for MySQL without any connection yet.
    pub fn new(services: Services) -> Self {
        Self::of(services, Dialect::MySql)
    }

    /// A provider for MariaDB without any connection yet.
    pub fn for_mariadb(services: Services) -> Self {
        Self::of(services, Dialect::MariaDb)
    }

    fn of(services: Services, dialect: Dialect) -> Self {
        Self {
            dialect,
            pool: pool::Pool::new(services),
            log_ins: LogIns::default(),
            prepared_before: close::Before::default(),
        }
    }

    /// A connection to the target that the steps belong to; `IdentityChanged` when another server answers.
    async fn lease(&self, group: &Group, permit: Permit<'_>) -> Result<Lease, Failure> {
        let lease = group.lease(&self.pool, permit).await?;
        lease.facts.require(&group.target)?;
        Ok(lease)
    }
}

#[async_trait]
impl Provider for MySql {
    /// Account statements take a lock of the whole server, however many connections send them.
    fn pace(&self) -> Pace {
        Pace::InTurn
    }

    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>> {
        survey::survey(self, &steps).await
    }

    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>> {
        let purpose = |_: &ChangeRow| Ok(Purpose::Accounts.with(self.dialect).to_owned());
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
                match steps.get(index).map(|step| open::prepare(self.pool.services(), self.dialect, step)) {
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
        let purpose = |_: &ChangeRow| Ok(Purpose::Accounts.with(self.dialect).to_owned());
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let mine: Vec<&LookStep> = group.indices.iter().filter_map(|&index| steps.get(index)).collect();
            let Some(first) = mine.first() else { continue };
            match self.lease(&group, Permit::Undo(&first.owed)).await {
                Ok(lease) => {
                    for (&index, outcome) in group.indices.iter().zip(look::look(self, &lease, &mine).await) {
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
        let purpose = match verb {
            CloseVerb::Disable | CloseVerb::EndSessions => Purpose::Closing,
            CloseVerb::Withdraw | CloseVerb::Remove => Purpose::Accounts,
            CloseVerb::HandOver => Purpose::HandingOver,
        };
        let purpose = |_: &ChangeRow| Ok(purpose.with(self.dialect).to_owned());
        let (mut outcomes, groups) = Outcomes::group(steps.iter().map(|step| &step.change), purpose);
        for group in groups {
            let (mut indices, mut mine) = (Vec::new(), Vec::new());
            for &index in &group.indices {
                let Some(step) = steps.get(index) else { continue };
                match Frozen::read(&step.change.payload, self.dialect) {
                    Ok(frozen) => {
                        indices.push(index);
                        mine.push((step, frozen));
                    }
                    Err(failure) => outcomes.settle(index, Err(failure)),
                }
            }
            let Some((first, _)) = mine.first() else { continue };
            let lease = match self.lease(&group, Permit::Undo(&first.owed)).await {
                Ok(lease) => lease,
                Err(failure) => {
                    outcomes.fail(&group, &failure);
                    continue;
                }
            };
            let mine: Vec<close::Step<'_>> = mine.iter().map(|(step, frozen)| (*step, frozen)).collect();
            let results = match verb {
                CloseVerb::Disable => close::disable(&lease, &mine).await,
                CloseVerb::EndSessions => close::end_sessions(self, &lease, &mine).await,
                CloseVerb::Withdraw => close::withdraw(self, &lease, &mine).await,
                CloseVerb::HandOver => close::hand_over(&lease, &mine).await,
                CloseVerb::Remove => close::remove(self, &lease, &mine).await,
            };
            lease.give_back();
            for (index, result) in indices.into_iter().zip(results) {
                outcomes.settle(index, result);
            }
        }
        outcomes.finish()
    }
}
