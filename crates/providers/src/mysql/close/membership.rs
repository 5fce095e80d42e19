//! Taking a role away from an account that exists. The servers know no grantor: an edge that is there is the one that we added,
//! unless the ledger says that it was there before.

use super::{Step, misplaced};
use crate::mysql::MySql;
use crate::mysql::connection::{Admin, Rows, first};
use crate::mysql::payload::Frozen;
use crate::mysql::sessions::{read_reading, reading};
use crate::mysql::sql::{GUARD, RELEASE, account, require, shown, takes_lock};
use crate::mysql::survey::grant_admin_option;
use crate::mysql::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::provider::{CloseStep, Closed};

const DOING: &str = "taking the role away";

/// Takes the roles away, one after the other.
pub(crate) async fn withdraw(provider: &MySql, admin: &Admin, steps: &[Step<'_>]) -> Vec<Result<Closed, Failure>> {
    let mut outcomes = Vec::with_capacity(steps.len());
    for (step, frozen) in steps {
        outcomes.push(one(provider, admin, step, frozen).await);
    }
    outcomes
}

async fn one(provider: &MySql, admin: &Admin, step: &CloseStep, frozen: &Frozen) -> Result<Closed, Failure> {
    let Frozen::MembershipV1(membership) = frozen else { return Err(misplaced()) };
    let change = &step.change;
    let dialect = provider.dialect;
    let (user, role) = (change.account.as_str(), change.group.as_deref().unwrap_or_default());
    let edge = dialect.has_edge(user, &membership.host, role);
    // Between this and the end of the taking away nobody of ours adds it.
    let ask = format!("{}SELECT {edge};\n{RELEASE}", require(&takes_lock(&change.id)));
    let there = admin.run(&ask).await.and_then(|answers| yes(&answers, 1)).map_err(of_trouble)?;
    // What was there before us stays, whatever is asked.
    if there && !change.prior {
        let revoke = format!(
            "{}REVOKE {} FROM {};\n{RELEASE}",
            require(&takes_lock(&change.id)),
            dialect.role(role),
            account(user, &membership.host)
        );
        match admin.run(&revoke).await {
            Ok(_) => {}
            Err(Trouble::Refused { number: 3628, .. }) => {
                let text = format!(
                    "{DOING} failed: {} is one of the server's mandatory_roles now, which nobody can be deprived of; take it from \
                     that list",
                    shown(role)
                );
                return Err(Failure::new(FailureClass::Conflict, text));
            }
            // Somebody was faster.
            Err(Trouble::Refused { number: 1962 | 1141 | 1396 | 1133 | 3523, .. }) => {}
            Err(trouble @ Trouble::Refused { number: GUARD, .. }) => return Err(of_trouble(trouble)),
            Err(trouble) => return Err(trouble.failure(DOING, &grant_admin_option(role, &admin.facts))),
        }
    }
    // The clock and the counter after it is over: whoever logs in from here on has not had the role.
    let answers = admin.run(&reading(dialect)).await;
    let at = answers.and_then(|answers| read_reading(answers.first().ok_or(Trouble::Garbled)?)).map_err(of_trouble)?;
    provider.log_ins.note(&admin.facts.target, &at, &[], dialect.process_list_grain(), true);
    Ok(Closed { gone_at: Some(at.now), ..Closed::default() })
}

fn yes(answers: &[Rows], which: usize) -> Result<bool, Trouble> {
    first(answers.get(which).ok_or(Trouble::Garbled)?)?.yes(0)
}

fn of_trouble(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Refused { number: GUARD, .. } => Failure::new(
            FailureClass::Busy,
            format!("{DOING} failed: another command about the same membership is under way"),
        ),
        other => other.failure(DOING, ""),
    }
}
