//! Handing over what an account has: its prepared transactions, its objects in every database, the roles that it passed on.
//! Nothing that the account wrote is run on the way (SECURITY-CASES 65, 66).

use super::in_database::{self, How};
use super::told;
use crate::leftovers::Leftovers;
use crate::postgres::connection::field;
use crate::postgres::connection::{Lease, Pool};
use crate::postgres::payload::{Account, Frozen};
use crate::postgres::scope::ours;
use crate::postgres::sql::{fill, ident, literal, shown};
use crate::postgres::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, Permit};
use mayfly_engine::ports::provider::{CloseStep, Closed};
use std::sync::Arc;
use tokio_postgres::SimpleQueryRow;

pub(super) const DOING: &str = "handing over what the account left";

/// What an account has.
struct Belongings {
    oid: u32,
    name: String,
    /// Whether we may act for it already.
    ours_to_act: bool,
    owns: bool,
    has_shared: bool,
    /// The names of prepared transactions, each with its database.
    prepared: Vec<(String, String)>,
    databases: Vec<String>,
    /// Roles that it granted, each with its new member.
    granted: Vec<(String, String)>,
}

/// Hands over, by the policy frozen in the payload.
pub(crate) async fn hand_over(pool: &Arc<Pool>, step: &CloseStep) -> Result<Closed, Failure> {
    let Frozen::AccountV1(account) = Frozen::read(&step.change.payload)? else {
        return Err(Failure::new(FailureClass::Bug, "a membership owns nothing"));
    };
    let lease = lease(pool, step, &account.maintenance_database).await?;
    let Some(has) = read(&lease, step, &account).await? else {
        lease.give_back();
        return Ok(Closed::default());
    };
    let mut closed = Closed::default();
    let stays = account.leftovers == Leftovers::Keep && has.owns;
    let acts = !has.prepared.is_empty() || has.has_shared || !has.databases.is_empty();
    let joins = acts && !has.ours_to_act;
    if joins {
        run(&lease, &join(&lease, &has.name)).await?;
    }
    lease.give_back();
    roll_back(pool, step, &has, &mut closed.report).await?;
    if stays {
        closed.stays = true;
        closed.report.push(format!("{} stays, closed to log-in, because it owns objects", shown(&has.name)));
    } else {
        each_database(pool, step, &account, &has, &mut closed.report).await?;
    }
    let lease = self::lease(pool, step, &account.maintenance_database).await?;
    take_back(&lease, &has, &mut closed.report).await?;
    if joins && stays {
        run(&lease, &format!("REVOKE {} FROM {};", ident(&has.name), ident(&lease.facts.admin))).await?;
    }
    lease.give_back();
    Ok(closed)
}

/// A connection to a database of the step's target.
pub(super) async fn lease(pool: &Arc<Pool>, step: &CloseStep, database: &str) -> Result<Lease, Failure> {
    let lease = pool.lease(Permit::Undo(&step.owed), &step.change.place, database).await?;
    lease.facts.require(&step.change.target)?;
    Ok(lease)
}

pub(super) async fn run(lease: &Lease, sql: &str) -> Result<Vec<Vec<SimpleQueryRow>>, Failure> {
    lease.run(sql).await.map_err(|trouble| trouble.failure(DOING, ""))
}

async fn read(lease: &Lease, step: &CloseStep, account: &Account) -> Result<Option<Belongings>, Failure> {
    let may_set = if lease.facts.has_membership_options() { "pg_has_role(me.oid, r.oid, 'SET')" } else { "true" };
    let sql = fill(
        include_str!("../sql/belongings.sql"),
        &[
            ("ours", &ours(&step.change, &account.mark)?),
            ("name", &literal(step.change.account.as_str())),
            ("may_set", may_set),
        ],
    );
    let answers = run(lease, &sql).await?;
    parse(&answers).map_err(|trouble| trouble.failure(DOING, ""))
}

fn parse(answers: &[Vec<SimpleQueryRow>]) -> Result<Option<Belongings>, Trouble> {
    let [role, prepared, databases, granted] = answers else { return Err(Trouble::Garbled) };
    let Some(role) = role.first() else { return Ok(None) };
    let yes = |column| field(role, column).map(|text| text == "t");
    let pairs = |rows: &[SimpleQueryRow]| {
        rows.iter()
            .map(|row| Ok((field(row, 0)?.to_owned(), field(row, 1)?.to_owned())))
            .collect::<Result<_, Trouble>>()
    };
    Ok(Some(Belongings {
        oid: field(role, 0)?.parse().map_err(|_| Trouble::Garbled)?,
        name: field(role, 1)?.to_owned(),
        ours_to_act: yes(2)?,
        owns: yes(3)?,
        has_shared: yes(4)?,
        prepared: pairs(prepared)?,
        databases: databases.iter().map(|row| field(row, 0).map(str::to_owned)).collect::<Result<_, _>>()?,
        granted: pairs(granted)?,
    }))
}

/// The statement that lets the administrative account act for the account; it goes with the account.
fn join(lease: &Lease, name: &str) -> String {
    let options = if lease.facts.has_membership_options() { " WITH INHERIT TRUE, SET TRUE" } else { "" };
    format!("GRANT {} TO {}{options};", ident(name), ident(&lease.facts.admin))
}

/// Rolls prepared transactions back, each in its own database and as their owner. This runs nothing of theirs.
async fn roll_back(
    pool: &Arc<Pool>,
    step: &CloseStep,
    has: &Belongings,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    for (gid, database) in &has.prepared {
        let lease = lease(pool, step, database).await?;
        // ROLLBACK PREPARED cannot stand beside another statement. A connection on which SET ROLE was sent is kept only
        // after it was taken back.
        if !lease.facts.superuser {
            run(&lease, &format!("SET ROLE {};", ident(&has.name))).await?;
        }
        let outcome = lease.run(&format!("ROLLBACK PREPARED {};", literal(gid))).await;
        run(&lease, "RESET ROLE;").await?;
        match outcome {
            Ok(_) => report.push(format!(
                "prepared transaction {} in database {} was rolled back",
                told(&literal(gid)),
                shown(database)
            )),
            // Somebody was faster: it is not there any more.
            Err(trouble) if trouble.code() == Some("42704") => {}
            Err(trouble) => return Err(trouble.failure("rolling a prepared transaction back", "")),
        }
        lease.give_back();
    }
    Ok(())
}

async fn each_database(
    pool: &Arc<Pool>,
    step: &CloseStep,
    account: &Account,
    has: &Belongings,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut databases = has.databases.clone();
    // What belongs to no database is handed over wherever it is done last.
    if has.has_shared && !databases.contains(&account.maintenance_database) {
        databases.push(account.maintenance_database.clone());
    }
    let drops = account.leftovers != Leftovers::Graveyard;
    for database in &databases {
        let how = if drops { How::Drop } else { How::Graveyard };
        let heir = in_database::Heir { oid: has.oid, name: &has.name, graveyard: &account.graveyard_role };
        in_database::hand_over(pool, step, database, &heir, how, report).await?;
    }
    if drops && has.has_shared && has.owns {
        // DROP OWNED leaves databases and tablespaces alone.
        let heir = in_database::Heir { oid: has.oid, name: &has.name, graveyard: &account.graveyard_role };
        in_database::hand_over(pool, step, &account.maintenance_database, &heir, How::Graveyard, report).await?;
    }
    Ok(())
}

/// Takes back the roles that the account granted to others. From 16 on DROP OWNED has done so.
async fn take_back(lease: &Lease, has: &Belongings, report: &mut Vec<String>) -> Result<(), Failure> {
    for (role, member) in &has.granted {
        if !lease.facts.has_membership_options() {
            run(lease, &format!("REVOKE {} FROM {};", ident(role), ident(member))).await?;
        }
        report.push(format!(
            "{} had granted {} to {}, which was taken back",
            shown(&has.name),
            shown(role),
            shown(member)
        ));
    }
    Ok(())
}
