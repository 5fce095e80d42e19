//! Ending sessions: told to end all at once, then watched for a moment until they are gone. Sessions are found by the role's
//! oid; those outside the scope are named in the report and left alone.

use super::told;
use crate::postgres::connection::{Admin, field, number};
use crate::postgres::payload::Frozen;
use crate::postgres::scope::{in_scope, recorded_oid, sessions_of_account};
use crate::postgres::sql::{block, fill, micros, shown};
use crate::postgres::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::provider::{CloseStep, Closed, SessionScope};
use std::time::Duration;
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "ending sessions";
/// How long they are watched, and the shortest and longest pause between two looks.
const WATCH: Duration = Duration::from_millis(500);
const PAUSE_LEAST: Duration = Duration::from_millis(1);
const PAUSE_MOST: Duration = Duration::from_millis(20);
/// Where a session's row has whose it is.
const OF_COLUMN: usize = 7;
/// Sessions named in one report.
const NAMED_MOST: usize = 100;

/// One step's sessions.
struct Wanted<'a> {
    step: &'a CloseStep,
    /// The oid of the account, where it is known.
    oid: Option<u32>,
    /// The conditions on `a`: of the account, and in the scope.
    of: String,
    scope: String,
}

impl<'a> Wanted<'a> {
    fn new(step: &'a CloseStep) -> Result<Self, Failure> {
        let (oid, of) = match Frozen::read(&step.change.payload)? {
            Frozen::AccountV1(account) => {
                (recorded_oid(&step.change)?, sessions_of_account(&step.change, &account.mark)?)
            }
            Frozen::MembershipV1(membership) => {
                (Some(membership.member_oid), format!("a.usesysid = {}", membership.member_oid))
            }
        };
        Ok(Self { step, oid, of, scope: in_scope(&step.scope)? })
    }

    /// Only a scope that asks since when a session runs has to know it.
    const fn known(&self) -> &'static str {
        match self.step.scope {
            SessionScope::Between { .. } | SessionScope::Foreign { .. } => "a.backend_start IS NOT NULL",
            SessionScope::All | SessionScope::Ours(_) => "true",
        }
    }
}

/// Steps whose sessions are asked for with one statement: the same scope, and accounts whose oids are known; any other by itself.
struct Asked {
    of: String,
    scope: String,
    known: &'static str,
    /// Where they stand, and which rows are theirs; all of them where the oid is not known.
    members: Vec<(usize, Option<u32>)>,
}

impl Asked {
    fn all(wanted: &[&Wanted<'_>]) -> Vec<Self> {
        let mut asked: Vec<Self> = Vec::new();
        for (index, one) in wanted.iter().enumerate() {
            let together = asked.iter_mut().find(|asked| {
                one.oid.is_some()
                    && asked.members.iter().all(|(_, oid)| oid.is_some())
                    && (asked.scope.as_str(), asked.known) == (one.scope.as_str(), one.known())
            });
            match together {
                Some(asked) => asked.members.push((index, one.oid)),
                None => asked.push(Self {
                    of: one.of.clone(),
                    scope: one.scope.clone(),
                    known: one.known(),
                    members: vec![(index, one.oid)],
                }),
            }
        }
        for one in asked.iter_mut().filter(|one| one.members.len() > 1) {
            let oids: Vec<String> = one.members.iter().filter_map(|(_, oid)| oid.map(|oid| oid.to_string())).collect();
            one.of = format!("a.usesysid IN ({})", oids.join(", "));
        }
        asked
    }

    fn filled(&self, template: &str) -> String {
        let start = micros("a.backend_start");
        fill(template, &[("of", &self.of), ("scope", &self.scope), ("start", &start), ("known", self.known)])
    }

    /// Hands out rows, the oid of each of which stands in that column, to the steps that they are of.
    fn share<'r>(
        &self,
        rows: &'r [SimpleQueryRow],
        column: usize,
        to: &mut [Vec<&'r SimpleQueryRow>],
    ) -> Result<(), Trouble> {
        for row in rows {
            let of: Option<u32> = number(row, column)?;
            for (index, oid) in &self.members {
                if (oid.is_none() || *oid == of)
                    && let Some(mine) = to.get_mut(*index)
                {
                    mine.push(row);
                }
            }
        }
        Ok(())
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
    let asked = Asked::all(wanted);
    let sql: String = asked
        .iter()
        .map(|one| {
            one.filled(include_str!("../sql/sessions.sql")) + &block(&one.filled(include_str!("../sql/terminate.sql")))
        })
        .collect();
    let answers = admin.run(&sql).await?;
    if answers.len() != 2 * asked.len() {
        return Err(Trouble::Garbled);
    }
    let mut listed = vec![Vec::new(); wanted.len()];
    for (one, pair) in asked.iter().zip(answers.chunks(2)) {
        one.share(pair.first().map_or(&[][..], Vec::as_slice), OF_COLUMN, &mut listed)?;
    }
    // Where nobody was in, nobody has to be gone.
    let empty = listed.iter().all(Vec::is_empty);
    let mut left = if empty { vec![0; wanted.len()] } else { count(admin, &asked, wanted.len()).await? };
    let (mut pause, mut watched) = (PAUSE_LEAST, Duration::ZERO);
    // A log-in under way when the account was closed shows up a moment later: nobody is seen twice before this ends.
    let mut calm = 0;
    while watched < WATCH && calm < 2 {
        tokio::time::sleep(pause).await;
        watched += pause;
        pause = (pause * 2).min(PAUSE_MOST);
        left = count(admin, &asked, wanted.len()).await?;
        calm = if left.iter().all(|count| *count == 0) { calm + 1 } else { 0 };
    }
    Ok(wanted.iter().zip(listed).zip(left).map(|((one, rows), left)| closed(admin, one, &rows, left)).collect())
}

/// How many of each step's sessions are there. Each call is a transaction of its own: within one, the list does not change.
async fn count(admin: &Admin, asked: &[Asked], steps: usize) -> Result<Vec<u32>, Trouble> {
    const COUNT: &str = "SELECT a.usesysid, count(*) FROM pg_stat_activity a \
                         WHERE {of} AND {scope} AND a.pid <> pg_backend_pid() GROUP BY a.usesysid;";
    let sql: String = asked.iter().map(|one| one.filled(COUNT)).collect();
    let answers = admin.run(&sql).await?;
    if answers.len() != asked.len() {
        return Err(Trouble::Garbled);
    }
    let mut counted = vec![Vec::new(); steps];
    for (one, rows) in asked.iter().zip(&answers) {
        one.share(rows, 0, &mut counted)?;
    }
    let sum = |rows: &Vec<&SimpleQueryRow>| {
        rows.iter().try_fold(0_u32, |sum, row| Ok(sum.saturating_add(number(row, 1)?.ok_or(Trouble::Garbled)?)))
    };
    counted.iter().map(sum).collect()
}

fn closed(admin: &Admin, one: &Wanted<'_>, rows: &[&SimpleQueryRow], left: u32) -> Result<Closed, Failure> {
    let mut report = Vec::new();
    let (mut hidden, mut superuser, mut refused) = (false, false, false);
    let foreign = matches!(one.step.scope, SessionScope::Foreign { .. });
    let name = shown(one.step.change.account.as_str());
    for row in rows {
        let text = |column| field(row, column).map_err(|trouble| trouble.failure(DOING, ""));
        let in_scope = text(3)? == "t";
        hidden |= in_scope && text(6)? != "t";
        superuser |= in_scope && text(4)? == "t";
        refused |= in_scope && text(5)? != "t";
        if report.len() < NAMED_MOST && (in_scope || !foreign) {
            let since =
                text(1)?.parse().map_or_else(|_| String::new(), |at| format!(" since {}", WallTime::from_micros(at)));
            let from = text(2)?;
            let from = if from.is_empty() { String::new() } else { format!(" from {}", told(from)) };
            let what = match (in_scope, foreign) {
                (true, true) => "was opened by none of our connections and told to end",
                (true, false) => "was told to end",
                (false, _) => "is not one of this elevation and was left alone",
            };
            report.push(format!("session {} of {name}{since}{from} {what}", told(text(0)?)));
        }
    }
    let me = shown(&admin.facts.admin);
    let not_permitted = |text: String| Err(Failure::new(FailureClass::NotPermitted, text));
    if left > 0 && superuser && !admin.facts.superuser {
        return not_permitted(format!(
            "{left} sessions of {name}, a superuser, still run: only a superuser can end them ({})",
            report.join("; ")
        ));
    }
    if left > 0 && refused {
        return not_permitted(format!(
            "{left} sessions of {name} still run and may not be ended by {me}; as a superuser: GRANT pg_signal_backend TO {me};"
        ));
    }
    if left > 0 && hidden {
        return not_permitted(format!(
            "the server does not show {me} since when {left} sessions of {name} run, so they are left; as a superuser: \
             GRANT pg_read_all_stats TO {me};"
        ));
    }
    Ok(Closed { sessions_left: left, report, ..Closed::default() })
}
