//! Looking: what is there of a change, read under the lock that opening holds until its transaction is over, so that a look
//! after the last moment cannot miss a command that is still committing.

use super::connection::{Admin, field, number};
use super::payload::{Account, Frozen, Membership};
use super::scope::{candidates, in_scope, recorded_oid, sessions_of_account};
use super::sql::{fill, literal, lock_key, micros, shown};
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{LookStep, Presence, Sight};
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "looking at the server";
/// The statements of one look.
const STATEMENTS: usize = 3;

/// One look, as statements.
struct Prepared<'a> {
    step: &'a LookStep,
    frozen: Frozen,
    sql: String,
}

/// Writes the statements for a look.
fn prepare(step: &LookStep) -> Result<Prepared<'_>, Failure> {
    let frozen = Frozen::read(&step.change.payload)?;
    let sql = match &frozen {
        Frozen::AccountV1(account) => account_sql(step, account)?,
        Frozen::MembershipV1(membership) => membership_sql(step, membership)?,
    };
    Ok(Prepared { step, frozen, sql })
}

fn account_sql(step: &LookStep, account: &Account) -> Result<String, Failure> {
    Ok(fill(
        include_str!("sql/look_account.sql"),
        &[
            ("key", &lock_key(&step.change.id).to_string()),
            ("now", &micros("clock_timestamp()")),
            ("name", &literal(step.change.account.as_str())),
            ("mark", &literal(&account.mark)),
            ("candidates", &candidates(&step.change, &account.mark)?),
            ("sessions", &sessions_of_account(&step.change, &account.mark)?),
            ("scope", &in_scope(&step.scope)?),
        ],
    ))
}

fn membership_sql(step: &LookStep, membership: &Membership) -> Result<String, Failure> {
    Ok(fill(
        include_str!("sql/look_membership.sql"),
        &[
            ("key", &lock_key(&step.change.id).to_string()),
            ("now", &micros("clock_timestamp()")),
            ("member", &membership.member_oid.to_string()),
            ("role", &membership.role_oid.to_string()),
            ("grantor", &membership.grantor_oid.to_string()),
            ("scope", &in_scope(&step.scope)?),
        ],
    ))
}

/// Looks at everything on one connection: in one request, or, when that fails, one by one.
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
        match admin.run(&all).await {
            Ok(answers) if answers.len() == prepared.len() * STATEMENTS => {
                return prepared.iter().zip(answers.chunks(STATEMENTS)).map(|(one, mine)| read(one, mine)).collect();
            }
            Ok(_) | Err(Trouble::Refused { .. }) => {}
            Err(trouble) => return prepared.iter().map(|_| Err(trouble.failure(DOING, ""))).collect(),
        }
    }
    let mut outcomes = Vec::with_capacity(prepared.len());
    for one in prepared {
        let answers = admin.run(&one.sql).await.map_err(|trouble| trouble.failure(DOING, ""));
        outcomes.push(answers.and_then(|answers| read(one, &answers)));
    }
    outcomes
}

fn read(one: &Prepared<'_>, answers: &[Vec<SimpleQueryRow>]) -> Result<Sight, Failure> {
    let [_, roles, sessions] = answers else { return Err(Trouble::Garbled.failure(DOING, "")) };
    let sight = || -> Result<Sight, Trouble> {
        let count = sessions.first().ok_or(Trouble::Garbled)?;
        let first = roles.first().ok_or(Trouble::Garbled)?;
        let (presence, can_log_in) = match &one.frozen {
            Frozen::AccountV1(_) => account(&one.step.change, roles)?,
            Frozen::MembershipV1(membership) => self::membership(membership, first)?,
        };
        Ok(Sight {
            target_now: WallTime::from_micros(number(first, 0)?.ok_or(Trouble::Garbled)?),
            presence,
            sessions: number(count, 0)?.ok_or(Trouble::Garbled)?,
            can_log_in,
            carrier_gone: false,
        })
    };
    sight().map_err(|trouble| trouble.failure(DOING, ""))
}

/// A role that may be the account.
struct Candidate {
    oid: u32,
    named: bool,
    can_log_in: bool,
    marked: bool,
    leftovers: bool,
}

fn account(change: &ChangeRow, rows: &[SimpleQueryRow]) -> Result<(Presence, Option<bool>), Trouble> {
    let mut found = Vec::new();
    for row in rows {
        let yes = |column| field(row, column).map(|text| text == "t");
        if let Some(oid) = number(row, 1)? {
            found.push(Candidate { oid, named: yes(2)?, can_log_in: yes(3)?, marked: yes(4)?, leftovers: yes(5)? });
        }
    }
    judge(change, &found)
}

/// Judges the candidates: the oid that the ledger holds is ours while it has our name or our mark; without one, our mark is.
fn judge(change: &ChangeRow, found: &[Candidate]) -> Result<(Presence, Option<bool>), Trouble> {
    let mine = match recorded_oid(change)? {
        Some(oid) => match found.iter().find(|candidate| candidate.oid == oid) {
            Some(candidate) if !candidate.named && !candidate.marked => {
                return Err(Trouble::Known(Failure::new(
                    FailureClass::Conflict,
                    format!(
                        "the role with oid {oid}, made as {}, was renamed and its mark removed: it is not touched; drop it, \
                         or give it its name back",
                        shown(change.account.as_str())
                    ),
                )));
            }
            other => other,
        },
        None => {
            let marked = || found.iter().filter(|candidate| candidate.marked);
            marked().find(|candidate| candidate.named).or_else(|| marked().next())
        }
    };
    Ok(match mine {
        Some(candidate) => (
            Presence::Ours { native_id: Some(candidate.oid.to_string()), leftovers: candidate.leftovers },
            Some(candidate.can_log_in),
        ),
        None if found.iter().any(|candidate| candidate.named) => (Presence::Stranger, None),
        None => (Presence::Absent, None),
    })
}

/// A row with our grantor is ours; any other that makes the account a member stands for itself. Up to 15 there is only one
/// row, whose grantor tells whether somebody took ours away and granted anew.
fn membership(membership: &Membership, row: &SimpleQueryRow) -> Result<(Presence, Option<bool>), Trouble> {
    let can_log_in = number::<u32>(row, 1)?.map(|_| field(row, 2).map(|text| text == "t")).transpose()?;
    let presence = if field(row, 3)? == "t" {
        Presence::Ours { native_id: Some(membership.member_oid.to_string()), leftovers: false }
    } else if field(row, 4)? == "t" {
        Presence::Stranger
    } else {
        Presence::Absent
    };
    Ok((presence, can_log_in))
}
