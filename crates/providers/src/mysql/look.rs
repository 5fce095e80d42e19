//! Looking: what is there of a change, read under the lock that opening holds until it is over, so that a look after the last
//! moment cannot miss a command that still waits for something.

use super::MySql;
use super::accounts::{Found, Known, find, read_accounts};
use super::connection::{Admin, Row, Rows};
use super::dialect::Dialect;
use super::open::native_id;
use super::payload::{Account, Frozen, Membership};
use super::sessions::{self, Meant};
use super::sql::{GUARD, RELEASE, literal, require, shown_account, takes_lock};
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{LookStep, Presence, SessionScope, Sight};

pub(crate) const DOING: &str = "looking at the server";

/// The condition on `u` that finds what may be the account: by its name and host, which the server finds at once.
fn by_name(change: &ChangeRow, frozen: &Frozen) -> String {
    format!("(u.User = {} AND u.Host = {})", literal(change.account.as_str()), literal(frozen.host()))
}

/// What may be our account, asked for under `lock` or without one.
///
/// # Errors
/// `Busy` when the lock is not to be had: a command about the same account is under way.
pub(crate) async fn candidates(
    admin: &Admin,
    changes: &[(&ChangeRow, &Frozen)],
    lock: bool,
) -> Result<Vec<Known>, Failure> {
    let dialect = admin.facts.dialect;
    let named: Vec<String> = changes.iter().map(|(change, frozen)| by_name(change, frozen)).collect();
    let known = accounts(admin, changes, &named.join(" OR "), lock).await?;
    let unfound = |(change, frozen): &&(&ChangeRow, &Frozen)| match frozen {
        Frozen::AccountV1(account) => !matches!(judge(dialect, &known, change, account), Found::Ours(_)),
        Frozen::MembershipV1(_) => false,
    };
    let unfound: Vec<&(&ChangeRow, &Frozen)> = changes.iter().filter(unfound).collect();
    if unfound.is_empty() {
        return Ok(known);
    }
    // Renamed, or somebody else's at another host: for that every account has to be read.
    let wide: Vec<String> = unfound
        .iter()
        .map(|(change, frozen)| match frozen {
            Frozen::AccountV1(account) => {
                format!("u.User = {} OR {}", literal(change.account.as_str()), dialect.marked(Some(&account.mark)))
            }
            Frozen::MembershipV1(_) => "FALSE".to_owned(),
        })
        .collect();
    let mut all = accounts(admin, changes, &wide.join(" OR "), lock).await?;
    all.extend(
        known.into_iter().filter(|known| !unfound.iter().any(|(change, _)| known.user == change.account.as_str())),
    );
    Ok(all)
}

async fn accounts(
    admin: &Admin,
    changes: &[(&ChangeRow, &Frozen)],
    condition: &str,
    lock: bool,
) -> Result<Vec<Known>, Failure> {
    let mut locks: Vec<String> = changes.iter().map(|(change, _)| takes_lock(&change.id)).collect();
    locks.sort();
    let query = admin.facts.dialect.accounts(condition);
    let sql = if lock { format!("{}{query}{RELEASE}", require(&locks.join(" AND "))) } else { query };
    let answers = admin.run(&sql).await.map_err(|trouble| match trouble {
        Trouble::Refused { number: GUARD, done: 0 } => {
            Failure::new(FailureClass::Busy, "another command about the same account is under way on the server")
        }
        other => other.failure(DOING, "GRANT SELECT ON mysql.* to it;"),
    })?;
    let rows = answers.get(usize::from(lock)).ok_or(Trouble::Garbled);
    rows.and_then(|rows| read_accounts(rows)).map_err(|trouble| trouble.failure(DOING, ""))
}

/// Which of the candidates is ours.
pub(crate) fn judge(dialect: Dialect, known: &[Known], change: &ChangeRow, account: &Account) -> Found {
    find(dialect, known, change.account.as_str(), &account.host, &account.mark)
}

/// The failure that says that it cannot be told which account is ours.
pub(crate) fn unclear(change: &ChangeRow) -> Failure {
    Failure::new(
        FailureClass::Conflict,
        format!(
            "an account that was made together with {} was renamed, and it cannot be told which one it is: give it its name back, \
             or drop it",
            super::sql::shown(change.account.as_str())
        ),
    )
}

/// Looks at everything on one connection. One result for each, in order.
pub(crate) async fn look(provider: &MySql, admin: &Admin, steps: &[&LookStep]) -> Vec<Result<Sight, Failure>> {
    let frozen: Vec<Result<Frozen, Failure>> =
        steps.iter().map(|step| Frozen::read(&step.change.payload, provider.dialect)).collect();
    let good: Vec<(&LookStep, &Frozen)> =
        steps.iter().zip(&frozen).filter_map(|(step, frozen)| Some((*step, frozen.as_ref().ok()?))).collect();
    let mut seen = match look_at(provider, admin, &good).await {
        Ok(sights) => sights,
        Err(failure) if good.len() == 1 => vec![Err(failure)],
        Err(_) => {
            // One of them stands in the way of the others.
            let mut sights = Vec::with_capacity(good.len());
            for one in &good {
                let alone = look_at(provider, admin, &[*one]).await;
                sights.push(alone.and_then(|mut sights| sights.pop().unwrap_or_else(|| Err(garbled()))));
            }
            sights
        }
    }
    .into_iter();
    frozen
        .iter()
        .map(|frozen| match frozen {
            Ok(_) => seen.next().unwrap_or_else(|| Err(garbled())),
            Err(failure) => Err(failure.clone()),
        })
        .collect()
}

fn garbled() -> Failure {
    Trouble::Garbled.failure(DOING, "")
}

async fn look_at(
    provider: &MySql,
    admin: &Admin,
    steps: &[(&LookStep, &Frozen)],
) -> Result<Vec<Result<Sight, Failure>>, Failure> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = provider.dialect;
    let changes: Vec<(&ChangeRow, &Frozen)> = steps.iter().map(|(step, frozen)| (&step.change, *frozen)).collect();
    let known = candidates(admin, &changes, true).await?;
    let judged: Vec<Judged<'_>> =
        steps.iter().map(|(step, frozen)| Judged::new(dialect, &known, &step.change, frozen, &step.scope)).collect();
    let users: Vec<&str> = judged.iter().flat_map(|one| one.meant.users.iter().map(String::as_str)).collect();
    let mut sql = sessions::query(dialect, &users);
    for (step, frozen) in steps {
        sql.push_str(&edge(dialect, &step.change, frozen));
    }
    let answers = admin.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    let (sessions, edges) = answers.split_at_checked(sessions::STATEMENTS).ok_or_else(garbled)?;
    let (reading, running) = sessions::read(sessions).map_err(|trouble| trouble.failure(DOING, ""))?;
    provider.log_ins.note(&admin.facts.target, &reading, &running, dialect.process_list_grain(), false);
    let mut sights = Vec::with_capacity(steps.len());
    for (((step, _), judged), edge) in steps.iter().zip(&judged).zip(edges) {
        let mut count = 0;
        for session in running.iter().filter(|session| judged.meant.is_of_account(session)) {
            count += u32::from(judged.meant.is_in_scope(session, &reading, &provider.log_ins, &admin.facts)?);
        }
        sights.push(match judged.presence(&step.change, edge) {
            Ok((mut presence, can_log_in)) => {
                if let Presence::Ours { leftovers, .. } = &mut presence
                    && step.scope == SessionScope::All
                    && let Some(ours) = &judged.ours
                {
                    *leftovers = super::close::has_leftovers(admin, &ours.user, &ours.host).await?;
                }
                Ok(Sight { target_now: reading.now, presence, sessions: count, can_log_in, carrier_gone: false })
            }
            Err(failure) => Err(failure),
        });
    }
    Ok(sights)
}

/// The one statement that is about a single change: whether its edge is there.
fn edge(dialect: Dialect, change: &ChangeRow, frozen: &Frozen) -> String {
    match frozen {
        Frozen::AccountV1(_) => "SELECT 0;\n".to_owned(),
        Frozen::MembershipV1(membership) => format!(
            "SELECT {};\n",
            dialect.has_edge(change.account.as_str(), &membership.host, change.group.as_deref().unwrap_or_default())
        ),
    }
}

/// What became of a change, as far as the accounts tell.
struct Judged<'a> {
    found: Option<Found>,
    ours: Option<Known>,
    meant: Meant<'a>,
    membership: Option<&'a Membership>,
    /// For memberships: whether the account can log in, if it is there.
    lifted: Option<bool>,
}

impl<'a> Judged<'a> {
    fn new(
        dialect: Dialect,
        known: &[Known],
        change: &'a ChangeRow,
        frozen: &'a Frozen,
        scope: &'a SessionScope,
    ) -> Self {
        let name = change.account.as_str();
        match frozen {
            Frozen::AccountV1(account) => {
                let found = judge(dialect, known, change, account);
                let users = users_of(&found, name);
                let ours = if let Found::Ours(known) = &found { Some(known.clone()) } else { None };
                let meant = Meant { users, membership: None, scope };
                Self { found: Some(found), ours, meant, membership: None, lifted: None }
            }
            Frozen::MembershipV1(membership) => {
                let account = known.iter().find(|known| known.user == name && known.host == membership.host);
                let meant = Meant { users: vec![name.to_owned()], membership: Some(membership), scope };
                let lifted = account.map(|known| !known.locked);
                Self { found: None, ours: None, meant, membership: Some(membership), lifted }
            }
        }
    }

    fn presence(&self, change: &ChangeRow, edge: &Rows) -> Result<(Presence, Option<bool>), Failure> {
        let there = edge.first().map(|row: &Row| row.yes(0)).unwrap_or(Ok(false));
        let there = there.map_err(|trouble| trouble.failure(DOING, ""))?;
        if let Some(membership) = self.membership {
            let native_id = Some(native_id(change, &membership.host));
            let presence = match there {
                false => Presence::Absent,
                // It was there before us.
                true if change.prior => Presence::Stranger,
                true => Presence::Ours { native_id, leftovers: false },
            };
            return Ok((presence, self.lifted));
        }
        Ok(match &self.found {
            Some(Found::Ours(known)) => {
                let native_id = Some(native_id(change, &known.host));
                (Presence::Ours { native_id, leftovers: false }, Some(!known.locked))
            }
            Some(Found::Unclear) => return Err(unclear(change)),
            Some(Found::Stranger) => (Presence::Stranger, None),
            Some(Found::Nobody) | None => (Presence::Absent, None),
        })
    }
}

/// Under which names sessions of an account of ours run: none, where somebody else has its name.
pub(crate) fn users_of(found: &Found, name: &str) -> Vec<String> {
    match found {
        Found::Ours(known) if known.user != name => vec![name.to_owned(), known.user.clone()],
        Found::Ours(_) | Found::Nobody => vec![name.to_owned()],
        Found::Stranger | Found::Unclear => Vec::new(),
    }
}

/// The account for people.
pub(crate) fn shown_of(change: &ChangeRow, frozen: &Frozen) -> String {
    shown_account(change.account.as_str(), frozen.host())
}
