//! Handing over what an account has: databases, roles and endpoints of the server, Agent's jobs, what it owns in each database,
//! and what it granted to others. The heir has no right of its own, so that nothing that the account wrote runs with more than
//! it had: `dbo` and `sa` would lend theirs to a procedure that runs as its owner, and to the step of a job.

use super::in_database;
use crate::leftovers::Leftovers;
use crate::sqlserver::connection::{Lease, Pool, Row, text, yes};
use crate::sqlserver::payload::{Account, Frozen};
use crate::sqlserver::scope::{account_sid, of_account};
use crate::sqlserver::sql::{Value, call, frame, ident, literal, shown};
use crate::sqlserver::texts;
use crate::sqlserver::trouble::{TRIGGER, Trouble};
use crate::text::told;
use mayfly_domain::{Failure, FailureClass, Permit};
use mayfly_engine::ports::provider::{CloseStep, Closed};
use std::sync::Arc;

pub(super) const DOING: &str = "handing over what the account left";

/// What an account has of the server.
struct Belongings {
    /// Its log-in, where it is there.
    login: Option<String>,
    /// What it owns: each with its class, its name and, of a job, its id.
    server: Vec<(String, String, String)>,
    /// The databases in which it has a user, and whether that owns or granted anything.
    users: Vec<(String, bool)>,
    /// Databases into which nobody could look.
    unseen: Vec<String>,
}

/// Hands over, by the policy frozen in the payload.
pub(crate) async fn hand_over(pool: &Arc<Pool>, step: &CloseStep) -> Result<Closed, Failure> {
    let Frozen::AccountV1(account) = Frozen::read(&step.change.payload)? else {
        return Err(Failure::new(FailureClass::Bug, "a membership owns nothing"));
    };
    let lease = lease(pool, step, &account).await?;
    let Some(sid) = account_sid(&step.change, &account)? else {
        // Nobody has seen it yet, so that nobody has seen that it owns anything.
        lease.give_back();
        return Ok(Closed::default());
    };
    let has = if account.contained {
        Belongings {
            login: None,
            server: Vec::new(),
            users: vec![(account.database.clone(), true)],
            unseen: Vec::new(),
        }
    } else {
        read(&lease, step, &account, &sid).await?
    };
    let name = shown(step.change.account.as_str());
    let mut closed = Closed::default();
    if account.leftovers == Leftovers::Keep {
        if !has.server.is_empty() || in_database::owns_any(&lease, &account, &sid, &has.users).await? {
            closed.stays = true;
            closed.report.push(format!("{name} stays, closed to log-in, because it owns something"));
        }
        lease.give_back();
        return Ok(closed);
    }
    for (database, _) in has.users.iter().filter(|(_, owns)| *owns) {
        in_database::hand_over(&lease, &account, &sid, database, &name, &mut closed.report).await?;
    }
    of_server(&lease, &account, &has, &name, &mut closed.report).await?;
    if has.login.is_some() {
        let granted = call(
            &account.database,
            include_str!("../sql/granted_server.sql"),
            &[("sid", "varbinary(85)", Value::Sid(&sid))],
        );
        taken_back(run(&lease, &frame(&granted)).await?.first(), &name, "the server", &mut closed.report)?;
    }
    for database in &has.unseen {
        closed
            .report
            .push(format!("database {} could not be looked into: what {name} has there is left", shown(database)));
    }
    lease.give_back();
    Ok(closed)
}

/// A connection to the step's target.
async fn lease(pool: &Arc<Pool>, step: &CloseStep, account: &Account) -> Result<Lease, Failure> {
    let home = Frozen::AccountV1(account.clone()).home();
    let lease = pool.lease(Permit::Undo(&step.owed), &step.change.place, &home.purpose()).await?;
    lease.facts.require(&step.change.target)?;
    Ok(lease)
}

pub(super) async fn run(lease: &Lease, sql: &str) -> Result<Vec<Vec<Row>>, Failure> {
    lease.run(sql).await.map_err(|trouble| trouble.failure(DOING, ""))
}

async fn read(lease: &Lease, step: &CloseStep, account: &Account, sid: &[u8]) -> Result<Belongings, Failure> {
    let values = of_account(&step.change, account, Some(sid));
    let answers = run(lease, &call(&account.database, &texts::BELONGINGS, &values)).await?;
    parse(&answers).map_err(|trouble| trouble.failure(DOING, ""))
}

fn parse(answers: &[Vec<Row>]) -> Result<Belongings, Trouble> {
    let [login, server, users, unseen] = answers else { return Err(Trouble::Garbled) };
    let owned = |row: &Row| Ok((text(row, 0)?.to_owned(), text(row, 1)?.to_owned(), text(row, 2)?.to_owned()));
    Ok(Belongings {
        login: login.first().map(|row| text(row, 0).map(str::to_owned)).transpose()?,
        server: server.iter().map(owned).collect::<Result<_, Trouble>>()?,
        users: users.iter().map(|row| Ok((text(row, 0)?.to_owned(), yes(row, 2)?))).collect::<Result<_, Trouble>>()?,
        unseen: unseen.iter().map(|row| text(row, 0).map(str::to_owned)).collect::<Result<_, _>>()?,
    })
}

/// What belongs to the server goes to the log-in that is the heir; a job is switched off, or deleted where the record says so.
async fn of_server(
    lease: &Lease,
    account: &Account,
    has: &Belongings,
    name: &str,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    for (class, thing, id) in &has.server {
        let sql = match (class.as_str(), account.leftovers) {
            ("JOB", Leftovers::Drop) => format!("EXEC [msdb].dbo.sp_delete_job @job_id = {};\n", literal(id)),
            ("JOB", _) => format!(
                "EXEC [msdb].dbo.sp_update_job @job_id = {}, @enabled = 0, @owner_login_name = {};\n",
                literal(id),
                literal(&account.graveyard)
            ),
            ("DATABASE" | "SERVER ROLE" | "ENDPOINT" | "AVAILABILITY GROUP", _) => {
                format!("ALTER AUTHORIZATION ON {class}::{} TO {};\n", ident(thing), ident(&account.graveyard))
            }
            _ => return Err(Trouble::Garbled.failure(DOING, "")),
        };
        let doing = format!("handing over {} {} of {name}", class.to_lowercase(), shown(thing));
        let outcome = lease.run(&frame(&sql)).await;
        outcome.map_err(|trouble| trouble.failure(&doing, &heir_statements(lease, &account.graveyard)))?;
        let fate = match (class.as_str(), account.leftovers) {
            ("JOB", Leftovers::Drop) => "was deleted".to_owned(),
            ("JOB", _) => format!("was switched off and handed to {}", shown(&account.graveyard)),
            _ => format!("was handed to {}", shown(&account.graveyard)),
        };
        report.push(format!("{} {} of {name} {fate}", class.to_lowercase(), told(&shown(thing))));
    }
    Ok(())
}

/// The statements that make the log-in that is the heir, and let us hand over to it.
pub(crate) fn heir_statements(lease: &Lease, heir: &str) -> String {
    let (heir, me) = (shown(heir), shown(&lease.facts.admin));
    format!(
        "CREATE LOGIN {heir} WITH PASSWORD = N'(a random one)'; ALTER LOGIN {heir} DISABLE; DENY CONNECT SQL TO {heir}; GRANT IMPERSONATE \
         ON LOGIN::{heir} TO {me}; (jobs of Agent's can be handed over by members of sysadmin only)"
    )
}

/// Says what was taken back of what the account had granted.
pub(super) fn taken_back(
    rows: Option<&Vec<Row>>,
    name: &str,
    place: &str,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    for row in rows.map_or(&[][..], Vec::as_slice) {
        let statement = text(row, 0).map_err(|trouble| trouble.failure(DOING, ""))?;
        report.push(format!("what {name} had granted in {place} was taken back: {}", told(statement)));
    }
    Ok(())
}

/// The failure of a removal because of a trigger names it; `known` is returned when it cannot be found, or for another reason.
pub(crate) async fn explain(pool: &Arc<Pool>, step: &CloseStep, known: Failure) -> Failure {
    if !known.text.contains(&Trouble::Refused { number: TRIGGER }.failure("", "").text) {
        return known;
    }
    match find(pool, step).await {
        Ok(Some(failure)) => failure,
        Ok(None) => known,
        Err(failure) => Failure::new(known.class, format!("{}; {}", known.text, failure.text)),
    }
}

async fn find(pool: &Arc<Pool>, step: &CloseStep) -> Result<Option<Failure>, Failure> {
    let Frozen::AccountV1(account) = Frozen::read(&step.change.payload)? else { return Ok(None) };
    let Some(sid) = account_sid(&step.change, &account)? else { return Ok(None) };
    let lease = lease(pool, step, &account).await?;
    let databases = if account.contained {
        vec![(account.database.clone(), true)]
    } else {
        read(&lease, step, &account, &sid).await?.users
    };
    for (database, _) in &databases {
        if let Some(failure) = in_database::trigger(&lease, &account, &sid, database).await? {
            return Ok(Some(failure));
        }
    }
    lease.give_back();
    Ok(None)
}
