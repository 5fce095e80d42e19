//! Handing over in one database: what a user owns goes to a role without members and without rights, or is dropped; modules
//! that run as the user go, since nobody is left as whom they could run. Nothing of it is run on the way, and nothing is done
//! where a trigger on definitions came into being in the account's time: it would run with our rights (SECURITY-CASES 65, 66).

use super::hand_over::{DOING, run, taken_back};
use crate::leftovers::Leftovers;
use crate::sqlserver::connection::{Lease, Row, needed, only, text};
use crate::sqlserver::payload::Account;
use crate::sqlserver::sql::{Value, call, define, frame, ident, shown};
use crate::sqlserver::texts;
use crate::sqlserver::trouble::Trouble;
use crate::text::told;
use mayfly_domain::{Failure, FailureClass};

/// Objects named in the report of one database.
const NAMED_MOST: usize = 100;
/// How often dropping is tried anew while something could be dropped: what depends on another goes first.
const ROUNDS_MOST: usize = 20;

/// A thing that a user owns: its class, what it is in (nothing for most), its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    class: String,
    parent: String,
    name: String,
}

impl Thing {
    fn read(row: &Row) -> Result<Self, Trouble> {
        Ok(Self { class: text(row, 0)?.to_owned(), parent: text(row, 1)?.to_owned(), name: text(row, 2)?.to_owned() })
    }

    /// Its name in a statement.
    fn ident(&self) -> String {
        if self.parent.is_empty() {
            ident(&self.name)
        } else {
            format!("{}.{}", ident(&self.parent), ident(&self.name))
        }
    }

    /// Its name for people.
    fn shown(&self) -> String {
        let name = if self.parent.is_empty() {
            shown(&self.name)
        } else {
            format!("{}.{}", shown(&self.parent), shown(&self.name))
        };
        format!("{} {}", self.class.to_lowercase(), told(&name))
    }
}

/// What a user has in a database.
struct Owned {
    things: Vec<Thing>,
    /// Modules that run as the user.
    modules: Vec<Thing>,
    triggers: Vec<String>,
    has_heir: bool,
}

async fn owned(lease: &Lease, account: &Account, sid: &[u8], database: &str) -> Result<Owned, Failure> {
    let values = [("sid", "varbinary(85)", Value::Sid(sid)), ("heir", "sysname", Value::Text(&account.graveyard))];
    let answers = run(lease, &call(database, &texts::OWNED, &values)).await?;
    let read = || {
        let [things, modules, triggers, heir] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let all = |rows: &[Row]| rows.iter().map(Thing::read).collect::<Result<Vec<_>, _>>();
        Ok(Owned {
            things: all(things)?,
            modules: all(modules)?,
            triggers: triggers.iter().map(|row| text(row, 0).map(str::to_owned)).collect::<Result<_, _>>()?,
            has_heir: needed::<i64>(only(heir)?, 0)? > 0,
        })
    };
    read().map_err(|trouble: Trouble| trouble.failure(DOING, ""))
}

/// Whether an account owns anything in any of the databases.
pub(super) async fn owns_any(
    lease: &Lease,
    account: &Account,
    sid: &[u8],
    users: &[(String, bool)],
) -> Result<bool, Failure> {
    for (database, _) in users.iter().filter(|(_, owns)| *owns) {
        let owned = owned(lease, account, sid, database).await?;
        if !owned.things.is_empty() || !owned.modules.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The failure that names a trigger which came into being in the account's time.
pub(super) async fn trigger(
    lease: &Lease,
    account: &Account,
    sid: &[u8],
    database: &str,
) -> Result<Option<Failure>, Failure> {
    let owned = owned(lease, account, sid, database).await?;
    Ok(owned.triggers.first().map(|name| {
        Failure::new(
            FailureClass::NotPermitted,
            format!(
                "in database {} the DDL trigger {} was made or changed in the time of the account and would run with Mayfly's rights; look at \
                 it, and then, in that database: DISABLE TRIGGER {} ON DATABASE;",
                shown(database),
                shown(name),
                shown(name)
            ),
        )
    }))
}

/// Hands over in one database.
pub(super) async fn hand_over(
    lease: &Lease,
    account: &Account,
    sid: &[u8],
    database: &str,
    name: &str,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    if let Some(failure) = trigger(lease, account, sid, database).await? {
        return Err(failure);
    }
    let place = format!("database {}", shown(database));
    let mut done = Vec::new();
    if account.leftovers == Leftovers::Drop {
        drop_contents(lease, sid, database, &mut done).await?;
    }
    let rest = owned(lease, account, sid, database).await?;
    for module in &rest.modules {
        definition(lease, database, &format!("DROP {} {}", module.class, module.ident()), module).await?;
        done.push(format!("{} of {name} in {place} ran as it and was dropped", module.shown()));
    }
    if !rest.has_heir && !rest.things.is_empty() {
        let made = define(database, &format!("CREATE ROLE {}", ident(&account.graveyard)));
        run(lease, &frame(&made)).await?;
    }
    for thing in &rest.things {
        // A key cannot belong to a role (Transact-SQL reference, "ALTER AUTHORIZATION").
        let keys = ["CERTIFICATE", "ASYMMETRIC KEY"].contains(&thing.class.as_str());
        let heir = if keys { "dbo" } else { account.graveyard.as_str() };
        let statement = format!("ALTER AUTHORIZATION ON {}::{} TO {}", thing.class, thing.ident(), ident(heir));
        definition(lease, database, &statement, thing).await?;
        done.push(format!("{} of {name} in {place} was handed to {}", thing.shown(), shown(heir)));
    }
    let granted =
        call(database, include_str!("../sql/granted_database.sql"), &[("sid", "varbinary(85)", Value::Sid(sid))]);
    taken_back(run(lease, &frame(&granted)).await?.first(), name, &place, &mut done)?;
    if let Some(more) = done.len().checked_sub(NAMED_MOST).filter(|more| *more > 0) {
        done.truncate(NAMED_MOST);
        done.push(format!("{more} more things of {name} in {place} likewise"));
    }
    report.append(&mut done);
    Ok(())
}

async fn definition(lease: &Lease, database: &str, statement: &str, thing: &Thing) -> Result<(), Failure> {
    let doing = format!("handing over {} in database {}", thing.shown(), shown(database));
    let fix = format!("ALTER ROLE [db_owner] ADD MEMBER {}; (in that database)", shown(&lease.facts.admin));
    lease.run(&frame(&define(database, statement))).await.map(|_| ()).map_err(|trouble| trouble.failure(&doing, &fix))
}

/// Drops what can be dropped: objects, round by round until no more goes, and the schemas and roles that are empty then. What
/// others depend on stays for the heir.
async fn drop_contents(lease: &Lease, sid: &[u8], database: &str, done: &mut Vec<String>) -> Result<(), Failure> {
    let values = [("sid", "varbinary(85)", Value::Sid(sid))];
    for _ in 0..ROUNDS_MOST {
        let answers = run(lease, &call(database, include_str!("../sql/contents.sql"), &values)).await?;
        let things: Result<Vec<Thing>, Trouble> =
            answers.first().map_or(&[][..], Vec::as_slice).iter().map(Thing::read).collect();
        let mut dropped = false;
        for thing in things.map_err(|trouble| trouble.failure(DOING, ""))? {
            let sql = frame(&define(database, &format!("DROP {} {}", thing.class, thing.ident())));
            match lease.run(&sql).await {
                Ok(_) => {
                    dropped = true;
                    done.push(format!("{} in database {} was dropped", thing.shown(), shown(database)));
                }
                // Others depend on it, and theirs is not ours to drop; or it is not there any more.
                Err(Trouble::Refused { .. }) => {}
                Err(trouble) => return Err(trouble.failure(DOING, "")),
            }
        }
        if !dropped {
            break;
        }
    }
    Ok(())
}
