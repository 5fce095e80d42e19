//! Ending sessions: told to end all at once, then watched for a moment until they are gone. Sessions are found by the SID with
//! which they came in; those outside the scope are named in the report and left alone. One that has much to roll back stays
//! until it has done so.

use crate::sqlserver::connection::{Admin, Row, needed, only};
use crate::sqlserver::payload::Frozen;
use crate::sqlserver::scope::{Session, Sessions, list};
use crate::sqlserver::sql::{Value, call, shown};
use crate::sqlserver::trouble::{Trouble, class_of};
use crate::text::told;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::provider::{CloseStep, Closed, SessionScope};
use std::time::Duration;

const DOING: &str = "ending sessions";
/// How long they are watched, and the shortest and longest pause between two looks.
const WATCH: Duration = Duration::from_millis(500);
const PAUSE_LEAST: Duration = Duration::from_millis(2);
const PAUSE_MOST: Duration = Duration::from_millis(40);
/// Sessions named in one report.
const NAMED_MOST: usize = 100;
/// The session to end was gone already.
const NOT_ACTIVE: u32 = 6106;

/// One step's sessions.
struct Wanted<'a> {
    step: &'a CloseStep,
    frozen: Frozen,
    list: String,
}

impl<'a> Wanted<'a> {
    fn new(step: &'a CloseStep) -> Result<Self, Failure> {
        let frozen = Frozen::read(&step.change.payload)?;
        let list = list(&step.change, &frozen)?;
        Ok(Self { step, frozen, list })
    }

    fn read(&self, admin: &Admin, sets: &[Vec<Row>]) -> Result<Sessions, Trouble> {
        Sessions::read(sets, &self.frozen.home(), &admin.facts.admin)
    }

    /// Whether a session in the scope may be ended: only a scope that asks since when one runs has to know it.
    fn may_end(&self, session: &Session) -> bool {
        match self.step.scope {
            SessionScope::Between { .. } | SessionScope::Foreign { .. } => session.began().is_some(),
            SessionScope::All | SessionScope::Ours(_) => true,
        }
    }
}

/// Ends the sessions of every step, on one connection.
pub(crate) async fn end_sessions(admin: &Admin, steps: &[&CloseStep]) -> Vec<Result<Closed, Failure>> {
    let wanted: Vec<_> = steps.iter().map(|step| Wanted::new(step)).collect();
    let good: Vec<&Wanted<'_>> = wanted.iter().filter_map(|one| one.as_ref().ok()).collect();
    let mut ended = match end_all(admin, &good).await {
        Ok(outcomes) => outcomes,
        Err(trouble) => good.iter().map(|_| Err(trouble.failure(DOING, ""))).collect(),
    }
    .into_iter();
    wanted
        .iter()
        .map(|one| match one {
            Ok(_) => ended.next().unwrap_or_else(|| Err(Trouble::Garbled.failure(DOING, ""))),
            Err(failure) => Err(failure.clone()),
        })
        .collect()
}

async fn end_all(admin: &Admin, wanted: &[&Wanted<'_>]) -> Result<Vec<Result<Closed, Failure>>, Trouble> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let before = list_all(admin, wanted).await?;
    let mut refused = vec![None; wanted.len()];
    kill_all(admin, wanted, &before, &mut refused).await?;
    let mut seen = list_all(admin, wanted).await?;
    let (mut pause, mut watched) = (PAUSE_LEAST, Duration::ZERO);
    // A log-in under way when the account was closed shows up a moment later: nobody is seen twice before this ends.
    let mut calm = 0;
    while watched < WATCH && calm < 2 {
        tokio::time::sleep(pause).await;
        watched += pause;
        pause = (pause * 2).min(PAUSE_MOST);
        seen = list_all(admin, wanted).await?;
        let left = wanted
            .iter()
            .zip(&seen)
            .any(|(one, sessions)| !matches!(sessions.within(&one.step.scope), Ok(left) if left.is_empty()));
        calm = if left { 0 } else { calm + 1 };
    }
    Ok(wanted
        .iter()
        .zip(before.iter().zip(&seen))
        .zip(refused)
        .map(|((one, (before, after)), refused)| closed(admin, one, before, after, refused))
        .collect())
}

/// The sessions of each step. One batch; what it lists is as of now.
async fn list_all(admin: &Admin, wanted: &[&Wanted<'_>]) -> Result<Vec<Sessions>, Trouble> {
    let sql: String = wanted.iter().map(|one| one.list.as_str()).collect();
    let answers = admin.run(&sql).await?;
    let (pairs, rest) = answers.as_chunks::<2>();
    if pairs.len() != wanted.len() || !rest.is_empty() {
        return Err(Trouble::Garbled);
    }
    wanted.iter().zip(pairs).map(|(one, pair)| one.read(admin, pair)).collect()
}

/// Tells each session in a scope to end, and keeps the error of one that may not be. Not in a transaction, in which KILL is
/// refused (error 6115).
async fn kill_all(
    admin: &Admin,
    wanted: &[&Wanted<'_>],
    sessions: &[Sessions],
    refused: &mut [Option<u32>],
) -> Result<(), Trouble> {
    let (mut sql, mut whose) = (String::new(), Vec::new());
    for (index, (one, sessions)) in wanted.iter().zip(sessions).enumerate() {
        for session in sessions.within(&one.step.scope)?.into_iter().filter(|session| one.may_end(session)) {
            sql.push_str(&call(
                &admin.facts.home.database,
                include_str!("../sql/kill.sql"),
                &[
                    ("id", "int", Value::Number(session.id.into())),
                    ("sid", "varbinary(85)", Value::Sid(&session.sid)),
                    ("since", "bigint", Value::Number(session.since)),
                ],
            ));
            whose.push(index);
        }
    }
    if whose.is_empty() {
        return Ok(());
    }
    let answers = admin.run(&sql).await?;
    if answers.len() != whose.len() {
        return Err(Trouble::Garbled);
    }
    for (index, rows) in whose.into_iter().zip(&answers) {
        let number: u32 = needed(only(rows)?, 0)?;
        if number != 0 && number != NOT_ACTIVE {
            refused[index] = Some(number);
        }
    }
    Ok(())
}

fn closed(
    admin: &Admin,
    one: &Wanted<'_>,
    before: &Sessions,
    after: &Sessions,
    refused: Option<u32>,
) -> Result<Closed, Failure> {
    let scope = &one.step.scope;
    let foreign = matches!(scope, SessionScope::Foreign { .. });
    let name = shown(one.step.change.account.as_str());
    let mut report = Vec::new();
    for session in &before.all {
        let in_scope = session.is_in(scope, before.now)?;
        if report.len() < NAMED_MOST && (in_scope || !foreign) {
            let since = session.began().map_or_else(String::new, |at| format!(" since {at}"));
            let from =
                if session.address.is_empty() { String::new() } else { format!(" from {}", told(&session.address)) };
            let what = match (in_scope, foreign) {
                (true, true) => "was opened by none of our connections and told to end",
                (true, false) => "was told to end",
                (false, _) => "is not one of this elevation and was left alone",
            };
            report.push(format!("session {} of {name}{since}{from} {what}", session.id));
        }
    }
    let left = u32::try_from(after.within(scope)?.len()).unwrap_or(u32::MAX);
    match refused {
        Some(number) if left > 0 && class_of(number) == FailureClass::NotPermitted => {
            let me = shown(&admin.facts.admin);
            let fix = if admin.facts.azure {
                format!("GRANT KILL DATABASE CONNECTION TO {me};")
            } else {
                format!("as a member of sysadmin: GRANT ALTER ANY CONNECTION TO {me};")
            };
            Err(Failure::new(
                FailureClass::NotPermitted,
                format!("{left} sessions of {name} still run and may not be ended by {me} (error {number}); {fix}"),
            ))
        }
        _ => Ok(Closed { sessions_left: left, report, ..Closed::default() }),
    }
}
