//! The verbs that are one text on the server each: no more log-in, membership taken away, account removed.

use crate::sqlserver::connection::{Admin, needed, only};
use crate::sqlserver::open::{RACE_PAUSE, RACES_MOST, of_membership};
use crate::sqlserver::payload::Frozen;
use crate::sqlserver::scope::{account_sid, job, of_account};
use crate::sqlserver::sql::{Lock, Value, call, frame, lock, shown};
use crate::sqlserver::texts;
use crate::sqlserver::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::provider::{CloseStep, CloseVerb, Closed};

/// One step, as statements.
struct Prepared<'a> {
    step: &'a CloseStep,
    frozen: Frozen,
    verb: CloseVerb,
    /// Empty when there is nothing to do.
    sql: String,
}

/// Writes the statements of a step.
fn prepare(verb: CloseVerb, step: &CloseStep) -> Result<Prepared<'_>, Failure> {
    let change = &step.change;
    let frozen = Frozen::read(&change.payload)?;
    let home = frozen.home();
    let sql = match (&frozen, verb) {
        (Frozen::AccountV1(account), CloseVerb::Disable | CloseVerb::Remove) => {
            let sid = account_sid(change, account)?;
            let mut values = of_account(change, account, sid.as_deref());
            let job = job(change);
            let text = match (verb, account.contained) {
                (CloseVerb::Disable, false) => &texts::DISABLE,
                (CloseVerb::Disable, true) => &texts::USER_DISABLE,
                (_, true) => &texts::USER_REMOVE,
                (_, false) => {
                    values.push(("job", "sysname", Value::Text(&job)));
                    &texts::REMOVE
                }
            };
            // Whoever holds the lock on the server must not be able to keep the account open.
            let locked = if verb == CloseVerb::Remove {
                lock(&home.database, &change.id, Lock::Exclusive, None)
            } else {
                String::new()
            };
            format!("{locked}{}", call(&home.database, text, &values))
        }
        // What was there before us stays, whatever is asked.
        (Frozen::MembershipV1(_), CloseVerb::Withdraw) if change.prior => String::new(),
        (Frozen::MembershipV1(membership), CloseVerb::Withdraw) => {
            let text = if membership.within.is_some() {
                include_str!("../sql/revoke_database.sql")
            } else {
                include_str!("../sql/revoke_server.sql")
            };
            format!("{}{}", lock(&home.database, &change.id, Lock::Exclusive, None), of_membership(membership, text)?)
        }
        (Frozen::AccountV1(_) | Frozen::MembershipV1(_), _) => {
            return Err(Failure::new(FailureClass::Bug, "this step does not belong to this kind of change"));
        }
    };
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

/// Runs statements as one transaction and reads the server's clock after it is over, when what they did can be seen by all.
async fn run(admin: &Admin, sql: &str) -> Result<WallTime, Trouble> {
    let clock = call(&admin.facts.home.database, include_str!("../sql/clock.sql"), &[]);
    let answers = admin.run(&format!("{}{clock}", frame(sql))).await?;
    Ok(WallTime::from_micros(needed(only(answers.last().ok_or(Trouble::Garbled)?)?, 0)?))
}

fn closed(one: &Prepared<'_>, at: WallTime) -> Closed {
    Closed { gone_at: (one.verb == CloseVerb::Withdraw).then_some(at), ..Closed::default() }
}

fn failure(trouble: &Trouble, one: &Prepared<'_>, admin: &Admin) -> Failure {
    let (name, me) = (shown(one.step.change.account.as_str()), shown(&admin.facts.admin));
    let (doing, fix) = match (one.verb, &one.frozen) {
        (CloseVerb::Disable, Frozen::AccountV1(account)) if account.contained => {
            ("closing the account to log-in", format!("DENY CONNECT TO {name};"))
        }
        (CloseVerb::Disable, _) => ("closing the account to log-in", format!("ALTER LOGIN {name} DISABLE;")),
        (CloseVerb::Withdraw, Frozen::MembershipV1(membership)) => {
            let role = shown(&membership.role);
            let fix = match &membership.within {
                Some(database) => format!("ALTER ROLE {role} DROP MEMBER {name}; in database {}", shown(database)),
                None => format!("ALTER SERVER ROLE {role} DROP MEMBER {name};"),
            };
            ("taking the role away", fix)
        }
        _ => (
            "removing the account",
            format!("GRANT ALTER ANY LOGIN TO {me}; and, in each database: GRANT ALTER ANY USER TO {me};"),
        ),
    };
    trouble.failure(doing, &fix)
}
