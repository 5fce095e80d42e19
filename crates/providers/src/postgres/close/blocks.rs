//! The verbs that are one block on the server each: no more log-in, membership taken away, account removed.

use crate::postgres::connection::{Admin, number};
use crate::postgres::open::{RACE_PAUSE, RACES_MOST};
use crate::postgres::payload::Frozen;
use crate::postgres::scope::ours;
use crate::postgres::sql::{block, fill, literal, lock_key, micros, shown};
use crate::postgres::trouble::{SESSIONS_RUN, Trouble};
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::provider::{CloseStep, CloseVerb, Closed};
use tokio_postgres::SimpleQueryRow;

/// One step, as a block.
struct Prepared<'a> {
    step: &'a CloseStep,
    frozen: Frozen,
    verb: CloseVerb,
    /// Empty when there is nothing to do.
    sql: String,
}

/// Writes the block of a step.
fn prepare(verb: CloseVerb, step: &CloseStep) -> Result<Prepared<'_>, Failure> {
    let frozen = Frozen::read(&step.change.payload)?;
    let key = lock_key(&step.change.id).to_string();
    let body = match (&frozen, verb) {
        (Frozen::AccountV1(account), CloseVerb::Disable | CloseVerb::Remove) => {
            let template = if verb == CloseVerb::Disable {
                include_str!("../sql/disable.sql")
            } else {
                include_str!("../sql/remove.sql")
            };
            fill(
                template,
                &[
                    ("key", &key),
                    ("ours", &ours(&step.change, &account.mark)?),
                    ("name", &literal(step.change.account.as_str())),
                    ("sessions_run", SESSIONS_RUN),
                ],
            )
        }
        // What was there before us stays, whatever is asked.
        (Frozen::MembershipV1(_), CloseVerb::Withdraw) if step.change.prior => String::new(),
        (Frozen::MembershipV1(membership), CloseVerb::Withdraw) => fill(
            include_str!("../sql/withdraw.sql"),
            &[
                ("key", &key),
                ("member", &membership.member_oid.to_string()),
                ("role", &membership.role_oid.to_string()),
                ("grantor", &membership.grantor_oid.to_string()),
            ],
        ),
        (Frozen::AccountV1(_) | Frozen::MembershipV1(_), _) => {
            return Err(Failure::new(FailureClass::Bug, "this step does not belong to this kind of change"));
        }
    };
    let sql = if body.is_empty() { body } else { block(&body) };
    Ok(Prepared { step, frozen, verb, sql })
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
        let all: String = prepared.iter().map(|one| one.sql.as_str()).collect();
        match run(admin, &all).await {
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
        match run(admin, &one.sql).await {
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
async fn run(admin: &Admin, sql: &str) -> Result<WallTime, Trouble> {
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
