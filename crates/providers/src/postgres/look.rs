//! Looking: what is there of a change, read under the lock that opening holds until its transaction is over, so that a look
//! after the last moment cannot miss a command that is still committing.

use super::connection::{Admin, field, number};
use super::payload::{Account, Frozen, Membership};
use super::scope::{candidates, in_scope, recorded_oid, sessions_of_account};
use super::sql::{fill, literal, lock_key, micros, shown};
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{LookStep, Presence, SessionScope, Sight};
use std::collections::HashMap;
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "looking at the server";
/// Where a row says which look it belongs to, of several.
const NUMBER_COLUMN: usize = 6;

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

/// Looks at everything on one connection: at accounts that are known with one request, and, where that fails, and at all else, one
/// by one.
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

/// One that is asked for with others: an account whose oid is known, and all its sessions.
struct Known<'a> {
    index: usize,
    step: &'a LookStep,
    oid: u32,
    mark: &'a str,
}

async fn look_at(admin: &Admin, prepared: &[&Prepared<'_>]) -> Vec<Result<Sight, Failure>> {
    let mut known = Vec::new();
    for (index, one) in prepared.iter().enumerate() {
        if let (Frozen::AccountV1(account), SessionScope::All) = (&one.frozen, &one.step.scope)
            && let Ok(Some(oid)) = recorded_oid(&one.step.change)
        {
            known.push(Known { index, step: one.step, oid, mark: &account.mark });
        }
    }
    let mut seen: Vec<Option<Result<Sight, Failure>>> = prepared.iter().map(|_| None).collect();
    if known.len() > 1 {
        match look_at_known(admin, &known).await {
            Ok(sights) => {
                for (one, sight) in known.iter().zip(sights) {
                    if let Some(place) = seen.get_mut(one.index) {
                        *place = Some(sight.map_err(|trouble| trouble.failure(DOING, "")));
                    }
                }
            }
            // Each by itself then.
            Err(Trouble::Refused { .. } | Trouble::Garbled) => {}
            Err(trouble) => return prepared.iter().map(|_| Err(trouble.failure(DOING, ""))).collect(),
        }
    }
    let mut outcomes = Vec::with_capacity(prepared.len());
    for (one, sight) in prepared.iter().zip(seen) {
        outcomes.push(match sight {
            Some(sight) => sight,
            None => {
                let answers = admin.run(&one.sql).await.map_err(|trouble| trouble.failure(DOING, ""));
                answers.and_then(|answers| read(one, &answers))
            }
        });
    }
    outcomes
}

/// Looks at accounts whose oids are known, with one request.
async fn look_at_known(admin: &Admin, known: &[Known<'_>]) -> Result<Vec<Result<Sight, Trouble>>, Trouble> {
    let each = |part: fn(usize, &Known<'_>) -> String| {
        known.iter().enumerate().map(|(number, one)| part(number, one)).collect::<Vec<_>>().join(", ")
    };
    let steps = each(|number, one| {
        let name = literal(one.step.change.account.as_str());
        format!("({number}, {}::oid, {name}::name, {})", one.oid, literal(one.mark))
    });
    let sql = fill(
        include_str!("sql/look_accounts.sql"),
        &[
            ("keys", &each(|_, one| format!("({}::bigint)", lock_key(&one.step.change.id)))),
            ("now", &micros("clock_timestamp()")),
            ("steps", &steps),
            ("oids", &each(|_, one| one.oid.to_string())),
        ],
    );
    let answers = admin.run(&sql).await?;
    let [_, roles, sessions] = answers.as_slice() else { return Err(Trouble::Garbled) };
    let mut found: Vec<Vec<&SimpleQueryRow>> = known.iter().map(|_| Vec::new()).collect();
    for row in roles {
        let number: usize = number(row, NUMBER_COLUMN)?.ok_or(Trouble::Garbled)?;
        found.get_mut(number).ok_or(Trouble::Garbled)?.push(row);
    }
    let mut counts: HashMap<u32, u32> = HashMap::new();
    for row in sessions {
        let (oid, count) = (number(row, 0)?.ok_or(Trouble::Garbled)?, number(row, 1)?.ok_or(Trouble::Garbled)?);
        counts.insert(oid, count);
    }
    let sight = |(one, rows): (&Known<'_>, Vec<&SimpleQueryRow>)| {
        let first = rows.first().ok_or(Trouble::Garbled)?;
        let target_now = WallTime::from_micros(number(first, 0)?.ok_or(Trouble::Garbled)?);
        let (presence, can_log_in) = account(&one.step.change, &rows)?;
        let sessions = counts.get(&one.oid).copied().unwrap_or_default();
        Ok(Sight { target_now, presence, sessions, can_log_in, carrier_gone: false })
    };
    Ok(known.iter().zip(found).map(sight).collect())
}

fn read(one: &Prepared<'_>, answers: &[Vec<SimpleQueryRow>]) -> Result<Sight, Failure> {
    let [_, roles, sessions] = answers else { return Err(Trouble::Garbled.failure(DOING, "")) };
    let roles: Vec<&SimpleQueryRow> = roles.iter().collect();
    let sight = || -> Result<Sight, Trouble> {
        let count = sessions.first().ok_or(Trouble::Garbled)?;
        let first = roles.first().ok_or(Trouble::Garbled)?;
        let (presence, can_log_in) = match &one.frozen {
            Frozen::AccountV1(_) => account(&one.step.change, &roles)?,
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

fn account(change: &ChangeRow, rows: &[&SimpleQueryRow]) -> Result<(Presence, Option<bool>), Trouble> {
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
