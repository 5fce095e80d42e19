//! Looking: what is there of a change, read under the lock that opening holds until its transaction is over, so that a look
//! after the last moment cannot miss a command that is still committing.

use super::connection::{Admin, Row, needed, only, text, yes};
use super::open::of_membership;
use super::payload::{Account, Frozen, Membership};
use super::scope::{Sessions, account_sid, job, list, of_account};
use super::sql::{Lock, Value, call, frame, hex, lock, shown};
use super::texts;
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{LookStep, Presence, Sight};

const DOING: &str = "looking at the server";

/// One look, as statements.
struct Prepared<'a> {
    step: &'a LookStep,
    frozen: Frozen,
    sql: String,
    /// How many result sets it has; the last two are the sessions.
    sets: usize,
}

/// Writes the statements for a look.
fn prepare(step: &LookStep) -> Result<Prepared<'_>, Failure> {
    let change = &step.change;
    let frozen = Frozen::read(&change.payload)?;
    let home = frozen.home();
    let mut sql = lock(&home.database, &change.id, Lock::Shared, None);
    let sets = match &frozen {
        Frozen::AccountV1(account) => {
            let sid = account_sid(change, account)?;
            let mut values = of_account(change, account, sid.as_deref());
            let job = job(change);
            if account.contained {
                sql.push_str(&call(&home.database, &texts::USER_LOOK, &values));
                1
            } else {
                values.push(("job", "sysname", Value::Text(&job)));
                sql.push_str(&call(&home.database, &texts::LOOK_LOGIN, &values));
                3
            }
        }
        Frozen::MembershipV1(membership) => {
            let text = match (&membership.within, membership.contained) {
                (_, true) => &texts::LOOK_USER_ROLE,
                (Some(_), false) => &texts::LOOK_DATABASE_ROLE,
                (None, false) => &texts::LOOK_SERVER_ROLE,
            };
            sql.push_str(&of_membership(membership, text)?);
            2
        }
    };
    sql.push_str(&list(change, &frozen)?);
    Ok(Prepared { step, frozen, sql, sets: sets + 2 })
}

/// Looks at everything on one connection: in one batch, or, when that fails, one by one.
pub(crate) async fn look(admin: &Admin, steps: &[&LookStep]) -> Vec<Result<Sight, Failure>> {
    let prepared: Vec<_> = steps.iter().map(|step| prepare(step)).collect();
    let good: Vec<&Prepared<'_>> = prepared.iter().filter_map(|one| one.as_ref().ok()).collect();
    let mut seen = look_at(admin, &good).await.into_iter();
    prepared
        .iter()
        .map(|one| match one {
            Ok(_) => seen.next().unwrap_or_else(|| Err(Trouble::Garbled.failure(DOING, ""))),
            Err(failure) => Err(failure.clone()),
        })
        .collect()
}

async fn look_at(admin: &Admin, prepared: &[&Prepared<'_>]) -> Vec<Result<Sight, Failure>> {
    if prepared.len() > 1 {
        let all: String = prepared.iter().map(|one| one.sql.as_str()).collect();
        match admin.run(&frame(&all)).await {
            Ok(answers) if answers.len() == prepared.iter().map(|one| one.sets).sum::<usize>() => {
                let mut rest = answers.as_slice();
                return prepared
                    .iter()
                    .map(|one| {
                        let (mine, others) = rest.split_at(one.sets);
                        rest = others;
                        read(admin, one, mine)
                    })
                    .collect();
            }
            Ok(_) | Err(Trouble::Refused { .. }) => {}
            Err(trouble) => return prepared.iter().map(|_| Err(trouble.failure(DOING, ""))).collect(),
        }
    }
    let mut outcomes = Vec::with_capacity(prepared.len());
    for one in prepared {
        let answers = admin.run(&frame(&one.sql)).await.map_err(|trouble| trouble.failure(DOING, ""));
        outcomes.push(answers.and_then(|answers| read(admin, one, &answers)));
    }
    outcomes
}

fn read(admin: &Admin, one: &Prepared<'_>, answers: &[Vec<Row>]) -> Result<Sight, Failure> {
    let sight = || -> Result<Sight, Trouble> {
        let at = answers.len().checked_sub(2).filter(|_| answers.len() == one.sets).ok_or(Trouble::Garbled)?;
        let (found, listed) = answers.split_at(at);
        let sessions = Sessions::read(listed, &one.frozen.home(), &admin.facts.admin)?;
        let change = &one.step.change;
        let (presence, can_log_in) = match (&one.frozen, found) {
            (Frozen::AccountV1(account), [jobs, logins, users]) => {
                account_on_server(change, account, jobs, logins, users)?
            }
            (Frozen::AccountV1(account), [users]) => judge(change, account, &candidates(users)?, false)?,
            (Frozen::MembershipV1(membership), [member, count]) => self::membership(membership, member, count)?,
            _ => return Err(Trouble::Garbled),
        };
        let within = sessions.within(&one.step.scope)?.len();
        Ok(Sight {
            target_now: sessions.now,
            presence,
            sessions: u32::try_from(within).unwrap_or(u32::MAX),
            can_log_in,
            carrier_gone: false,
        })
    };
    sight().map_err(|trouble| trouble.failure(DOING, ""))
}

/// A log-in or a user that may be the account.
struct Candidate {
    name: String,
    sid: String,
    can_log_in: bool,
    marked: bool,
    owns: bool,
}

fn candidates(rows: &[Row]) -> Result<Vec<Candidate>, Trouble> {
    let candidate = |row: &Row| {
        Ok(Candidate {
            name: text(row, 0)?.to_owned(),
            sid: text(row, 1)?.to_owned(),
            can_log_in: yes(row, 2)?,
            marked: yes(row, 3)?,
            owns: yes(row, 4)?,
        })
    };
    rows.iter().map(candidate).collect()
}

/// An account of the server: the log-in, and its users in all databases. Those that are left when the log-in is gone are still
/// ours to remove, and so is the job that holds the deadline.
fn account_on_server(
    change: &ChangeRow,
    account: &Account,
    jobs: &[Row],
    logins: &[Row],
    users: &[Row],
) -> Result<(Presence, Option<bool>), Trouble> {
    let found = candidates(logins)?;
    let has_job = needed::<i64>(only(jobs)?, 0)? > 0;
    let mut owns = false;
    for row in users {
        owns |= yes(row, 2)?;
    }
    let (presence, can_log_in) = judge(change, account, &found, owns)?;
    let rest = (!users.is_empty() || has_job).then(|| account_sid(change, account)).transpose()?.flatten();
    Ok(match (presence, rest) {
        (Presence::Absent | Presence::Stranger, Some(sid)) => {
            (Presence::Ours { native_id: Some(hex(&sid)), leftovers: owns }, Some(false))
        }
        (presence, _) => (presence, can_log_in),
    })
}

/// Judges the candidates: the SID that the ledger or the payload holds is ours while it has our name or our mark; without one,
/// our mark is.
fn judge(
    change: &ChangeRow,
    account: &Account,
    found: &[Candidate],
    users_own: bool,
) -> Result<(Presence, Option<bool>), Trouble> {
    let is_named = |candidate: &Candidate| candidate.name.eq_ignore_ascii_case(change.account.as_str());
    let mine = match account_sid(change, account)?.map(|sid| hex(&sid)) {
        Some(sid) => match found.iter().find(|candidate| candidate.sid == sid) {
            Some(candidate) if !is_named(candidate) && !candidate.marked => {
                return Err(Trouble::Known(Failure::new(
                    FailureClass::Conflict,
                    format!(
                        "the principal with SID {sid}, made as {}, was renamed and its mark removed: it is not touched; drop it, or give \
                         it its name back",
                        shown(change.account.as_str())
                    ),
                )));
            }
            other => other,
        },
        None => found.iter().find(|candidate| candidate.marked),
    };
    Ok(match mine {
        Some(candidate) => (
            Presence::Ours { native_id: Some(candidate.sid.clone()), leftovers: candidate.owns || users_own },
            Some(candidate.can_log_in),
        ),
        None if found.iter().any(is_named) => (Presence::Stranger, None),
        None => (Presence::Absent, None),
    })
}

/// There is one row for each role and member, and nothing in it tells who added it: while it is there, it is ours.
fn membership(membership: &Membership, member: &[Row], count: &[Row]) -> Result<(Presence, Option<bool>), Trouble> {
    let can_log_in = member.first().map(|row| yes(row, 1)).transpose()?;
    let presence = if needed::<i64>(only(count)?, 0)? > 0 {
        Presence::Ours { native_id: Some(membership.member_sid.clone()), leftovers: false }
    } else {
        Presence::Absent
    };
    Ok((presence, can_log_in))
}
