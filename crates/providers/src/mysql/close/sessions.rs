//! Ending sessions: told to end all at once, then watched for a moment until they are gone. Both servers let a session go on
//! with what it has when its account is locked, deprived of a role, or dropped, so that this is the only way.

use super::{Step, xa};
use crate::mysql::MySql;
use crate::mysql::accounts::Found;
use crate::mysql::connection::Admin;
use crate::mysql::log_ins::{Reading, Running};
use crate::mysql::look::{candidates, judge, users_of};
use crate::mysql::payload::Frozen;
use crate::mysql::sessions::{self, Meant};
use crate::mysql::sql::shown;
use crate::mysql::trouble::Trouble;
use crate::text::told;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{CloseStep, Closed, SessionScope};
use std::time::Duration;

const DOING: &str = "ending sessions";
/// How long they are watched, and the shortest and longest pause between two looks.
const WATCH: Duration = Duration::from_millis(500);
const PAUSE_LEAST: Duration = Duration::from_millis(1);
const PAUSE_MOST: Duration = Duration::from_millis(20);
/// Sessions named in one report.
const NAMED_MOST: usize = 100;
/// `ER_NO_SUCH_THREAD` and `ER_KILL_DENIED_ERROR`.
const GONE: u16 = 1094;
const DENIED: u16 = 1095;

/// One step's sessions.
struct Wanted<'a> {
    step: &'a CloseStep,
    meant: Meant<'a>,
    report: Vec<String>,
    denied: bool,
}

/// Ends the sessions of every step, on one connection.
pub(crate) async fn end_sessions(provider: &MySql, admin: &Admin, steps: &[Step<'_>]) -> Vec<Result<Closed, Failure>> {
    match end_all(provider, admin, steps).await {
        Ok(outcomes) => outcomes,
        Err(failure) => steps.iter().map(|_| Err(failure.clone())).collect(),
    }
}

async fn end_all(provider: &MySql, admin: &Admin, steps: &[Step<'_>]) -> Result<Vec<Result<Closed, Failure>>, Failure> {
    let mut wanted = wanted(admin, steps).await?;
    let (reading, running) = list(provider, admin, &wanted).await?;
    let theirs = prepared(provider, admin, &wanted, &running, &reading).await?;
    for session in &running {
        tell(provider, admin, &mut wanted, session, &reading).await?;
    }
    let mut left = count(provider, admin, &wanted).await?;
    let (mut pause, mut watched) = (PAUSE_LEAST, Duration::ZERO);
    // A log-in under way when the account was closed shows up a moment later: nobody is seen twice before this ends.
    let mut calm = 0;
    while watched < WATCH && calm < 2 {
        tokio::time::sleep(pause).await;
        watched += pause;
        pause = (pause * 2).min(PAUSE_MOST);
        left = count(provider, admin, &wanted).await?;
        calm = if left.iter().all(|count| *count == 0) { calm + 1 } else { 0 };
    }
    // Once its session is gone, a prepared transaction is nobody's.
    for (one, theirs) in wanted.iter_mut().zip(theirs) {
        one.report.extend(xa::roll_back(admin, &theirs).await);
    }
    Ok(wanted.into_iter().zip(left).map(|(one, left)| closed(admin, one, left)).collect())
}

/// What the sessions of each account that we made have prepared, before they are told to end.
async fn prepared(
    provider: &MySql,
    admin: &Admin,
    wanted: &[Wanted<'_>],
    running: &[Running],
    reading: &Reading,
) -> Result<Vec<Vec<String>>, Failure> {
    let mut all = Vec::with_capacity(wanted.len());
    for one in wanted {
        let mut ids = Vec::new();
        // What an existing account prepares may be wanted by others.
        for session in
            running.iter().filter(|session| one.meant.membership.is_none() && one.meant.is_of_account(session))
        {
            if one.meant.is_in_scope(session, reading, &provider.log_ins, &admin.facts)? {
                ids.push(session.id);
            }
        }
        all.push(xa::prepared_by(admin, &ids).await);
    }
    Ok(all)
}

/// Whose sessions each step means.
async fn wanted<'a>(admin: &Admin, steps: &[Step<'a>]) -> Result<Vec<Wanted<'a>>, Failure> {
    let changes: Vec<(&ChangeRow, &Frozen)> = steps.iter().map(|(step, frozen)| (&step.change, *frozen)).collect();
    let known = candidates(admin, &changes, false).await?;
    let one = |(step, frozen): &Step<'a>| {
        let name = step.change.account.as_str();
        let (users, membership) = match frozen {
            Frozen::AccountV1(account) => {
                let found: Found = judge(admin.facts.dialect, &known, &step.change, account);
                (users_of(&found, name), None)
            }
            Frozen::MembershipV1(membership) => (vec![name.to_owned()], Some(membership)),
        };
        Wanted { step, meant: Meant { users, membership, scope: &step.scope }, report: Vec::new(), denied: false }
    };
    Ok(steps.iter().map(one).collect())
}

async fn list(provider: &MySql, admin: &Admin, wanted: &[Wanted<'_>]) -> Result<(Reading, Vec<Running>), Failure> {
    let users: Vec<&str> = wanted.iter().flat_map(|one| one.meant.users.iter().map(String::as_str)).collect();
    let answers = admin.run(&sessions::query(provider.dialect, &users)).await;
    let (reading, running) =
        answers.and_then(|answers| sessions::read(&answers)).map_err(|trouble| trouble.failure(DOING, ""))?;
    let grain = provider.dialect.process_list_grain();
    provider.log_ins.note(&admin.facts.target, &reading, &running, grain, false);
    Ok((reading, running))
}

async fn count(provider: &MySql, admin: &Admin, wanted: &[Wanted<'_>]) -> Result<Vec<u32>, Failure> {
    let (reading, running) = list(provider, admin, wanted).await?;
    let mut counts = Vec::with_capacity(wanted.len());
    for one in wanted {
        let mut count = 0;
        for session in running.iter().filter(|session| one.meant.is_of_account(session)) {
            count += u32::from(one.meant.is_in_scope(session, &reading, &provider.log_ins, &admin.facts)?);
        }
        counts.push(count);
    }
    Ok(counts)
}

/// Tells one session to end, if a step means it, and notes what was done about it.
async fn tell(
    provider: &MySql,
    admin: &Admin,
    wanted: &mut [Wanted<'_>],
    session: &Running,
    reading: &Reading,
) -> Result<(), Failure> {
    for one in wanted.iter_mut().filter(|one| one.meant.is_of_account(session)) {
        let in_scope = one.meant.is_in_scope(session, reading, &provider.log_ins, &admin.facts)?;
        let foreign = matches!(one.step.scope, SessionScope::Foreign { .. });
        if in_scope {
            match admin.run(&format!("KILL {};", session.id)).await {
                Ok(_) => {}
                Err(trouble) if trouble.number() == Some(GONE) => {}
                Err(Trouble::Refused { number: DENIED | 1227 | 3619, .. }) => one.denied = true,
                Err(trouble) => return Err(trouble.failure(DOING, "")),
            }
        }
        if one.report.len() < NAMED_MOST && (in_scope || !foreign) {
            let what = match (in_scope, foreign) {
                (true, true) => "was opened by none of our connections and told to end",
                (true, false) => "was told to end",
                (false, _) => "is not one of this elevation and was left alone",
            };
            one.report.push(format!(
                "session {} of {} from {} {what}",
                session.id,
                shown(&session.user),
                told(&session.from)
            ));
        }
    }
    Ok(())
}

fn closed(admin: &Admin, one: Wanted<'_>, left: u32) -> Result<Closed, Failure> {
    if left > 0 && one.denied {
        let right = match admin.facts.dialect {
            crate::mysql::dialect::Dialect::MySql => "CONNECTION_ADMIN",
            crate::mysql::dialect::Dialect::MariaDb => "CONNECTION ADMIN",
        };
        let (name, me) = (shown(one.step.change.account.as_str()), admin.facts.me());
        return Err(Failure::new(
            FailureClass::NotPermitted,
            format!(
                "{left} sessions of {name} still run and may not be ended by {me}; as root: GRANT {right} ON *.* TO {me};"
            ),
        ));
    }
    Ok(Closed { sessions_left: left, report: one.report, ..Closed::default() })
}
