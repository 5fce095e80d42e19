//! The verbs that are one block on the server each: no more log-in, membership taken away, account removed.

use crate::postgres::connection::{Admin, number};
use crate::postgres::open::{RACE_PAUSE, RACES_MOST};
use crate::postgres::payload::Frozen;
use crate::postgres::scope::{all_ours, recorded_oid};
use crate::postgres::sql::{block, fill, lock_key, micros, shown};
use crate::postgres::trouble::{SESSIONS_RUN, Trouble};
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::provider::{CloseStep, CloseVerb, Closed};
use tokio_postgres::SimpleQueryRow;

/// One step that can be taken.
struct Prepared<'a> {
    step: &'a CloseStep,
    frozen: Frozen,
    verb: CloseVerb,
}

/// Reads what a step needs.
fn prepare(verb: CloseVerb, step: &CloseStep) -> Result<Prepared<'_>, Failure> {
    let frozen = Frozen::read(&step.change.payload)?;
    recorded_oid(&step.change)?;
    match (&frozen, verb) {
        (Frozen::AccountV1(_), CloseVerb::Disable | CloseVerb::Remove)
        | (Frozen::MembershipV1(_), CloseVerb::Withdraw) => Ok(Prepared { step, frozen, verb }),
        (Frozen::AccountV1(_) | Frozen::MembershipV1(_), _) => {
            Err(Failure::new(FailureClass::Bug, "this step does not belong to this kind of change"))
        }
    }
}

/// The block that closes or removes all accounts among these, and one for each membership.
fn blocks(prepared: &[&Prepared<'_>]) -> Result<String, Failure> {
    let (mut accounts, mut keys, mut blocks) = (Vec::new(), Vec::new(), String::new());
    for one in prepared {
        let change = &one.step.change;
        match &one.frozen {
            Frozen::AccountV1(account) => {
                accounts.push((change, account.mark.as_str()));
                keys.push(format!("({}::bigint)", lock_key(&change.id)));
            }
            // What was there before us stays, whatever is asked.
            Frozen::MembershipV1(_) if change.prior => {}
            Frozen::MembershipV1(membership) => blocks.push_str(&block(&fill(
                include_str!("../sql/withdraw.sql"),
                &[
                    ("key", &lock_key(&change.id).to_string()),
                    ("member", &membership.member_oid.to_string()),
                    ("role", &membership.role_oid.to_string()),
                    ("grantor", &membership.grantor_oid.to_string()),
                ],
            ))),
        }
    }
    if !accounts.is_empty() {
        let template = match prepared.first().map(|one| one.verb) {
            Some(CloseVerb::Disable) => include_str!("../sql/disable.sql"),
            _ => include_str!("../sql/remove.sql"),
        };
        let values = [("keys", &*keys.join(", ")), ("ours", &all_ours(&accounts)?), ("sessions_run", SESSIONS_RUN)];
        blocks.push_str(&block(&fill(template, &values)));
    }
    Ok(blocks)
}

/// Carries the steps out on one connection: in one transaction, or, when that fails, one by one.
pub(crate) async fn by_blocks(admin: &Admin, verb: CloseVerb, steps: &[&CloseStep]) -> Vec<Result<Closed, Failure>> {
    let prepared: Vec<_> = steps.iter().map(|step| prepare(verb, step)).collect();
    let good: Vec<&Prepared<'_>> = prepared.iter().filter_map(|one| one.as_ref().ok()).collect();
    let mut done = carry_out(admin, &good).await.into_iter();
    prepared
        .iter()
        .map(|one| match one {
            Ok(_) => done.next().unwrap_or_else(|| Err(Trouble::Garbled.failure("a step of the removal", ""))),
            Err(failure) => Err(failure.clone()),
        })
        .collect()
}

async fn carry_out(admin: &Admin, prepared: &[&Prepared<'_>]) -> Vec<Result<Closed, Failure>> {
    if prepared.len() > 1 {
        match run(admin, prepared).await {
            Ok(at) => return prepared.iter().map(|one| Ok(closed(one, at))).collect(),
            Err(Trouble::Refused { .. }) => {}
            Err(trouble) => return prepared.iter().map(|one| Err(failure(&trouble, one, admin))).collect(),
        }
    }
    let mut outcomes = Vec::with_capacity(prepared.len());
    for one in prepared {
        outcomes.push(carry_out_one(admin, one).await);
    }
    outcomes
}

async fn carry_out_one(admin: &Admin, one: &Prepared<'_>) -> Result<Closed, Failure> {
    let mut races = 0;
    loop {
        match run(admin, &[one]).await {
            Ok(at) => return Ok(closed(one, at)),
            Err(trouble) if trouble.is_race() && races < RACES_MOST => {
                races += 1;
                tokio::time::sleep(RACE_PAUSE * races).await;
            }
            Err(trouble) => return Err(failure(&trouble, one, admin)),
        }
    }
}

/// Runs blocks as one transaction and reads the server's clock after it is over, when what they did can be seen by all.
async fn run(admin: &Admin, prepared: &[&Prepared<'_>]) -> Result<WallTime, Trouble> {
    let sql = blocks(prepared)?;
    let answers = admin.run(&format!("BEGIN;\n{sql}COMMIT;\nSELECT {};", micros("clock_timestamp()"))).await?;
    let row: &SimpleQueryRow = answers.last().and_then(|rows| rows.first()).ok_or(Trouble::Garbled)?;
    Ok(WallTime::from_micros(number(row, 0)?.ok_or(Trouble::Garbled)?))
}

fn closed(one: &Prepared<'_>, at: WallTime) -> Closed {
    Closed { gone_at: (one.verb == CloseVerb::Withdraw).then_some(at), ..Closed::default() }
}

fn failure(trouble: &Trouble, one: &Prepared<'_>, admin: &Admin) -> Failure {
    let (doing, fix) = match (one.verb, &one.frozen) {
        (CloseVerb::Disable, _) => ("closing the account to log-in", one.grant_admin_option(admin)),
        (CloseVerb::Withdraw, Frozen::MembershipV1(membership)) => (
            "taking the role away",
            format!(
                "REVOKE {} FROM {}{};",
                shown(one.step.change.group.as_deref().unwrap_or_default()),
                shown(one.step.change.account.as_str()),
                if admin.facts.has_membership_options() {
                    format!(" GRANTED BY {}", shown(&membership.grantor))
                } else {
                    String::new()
                }
            ),
        ),
        _ => ("removing the account", one.grant_admin_option(admin)),
    };
    trouble.failure(doing, &fix)
}

impl Prepared<'_> {
    fn grant_admin_option(&self, admin: &Admin) -> String {
        let (name, me) = (shown(self.step.change.account.as_str()), shown(&admin.facts.admin));
        if admin.facts.has_membership_options() {
            format!("GRANT {name} TO {me} WITH ADMIN OPTION;")
        } else {
            format!("ALTER ROLE {me} CREATEROLE;")
        }
    }
}

/// The SQLSTATE `dependent_objects_still_exist`, as our texts of it say.
const DEPENDENTS: &str = "SQLSTATE 2BP01";

/// Whether a removal failed because something still depends on the account.
pub(crate) fn has_dependents(failure: &Failure) -> bool {
    failure.text.contains(DEPENDENTS)
}
