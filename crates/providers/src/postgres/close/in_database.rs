//! Handing over in one database: one transaction that first takes the owner's rights out of everything that the account
//! wrote, then gives it to the graveyard, then drops what is left of its grants.

use super::hand_over::{DOING, lease, run};
use super::told;
use crate::postgres::connection::field;
use crate::postgres::connection::{Lease, Pool};
use crate::postgres::sql::{block, fill, ident, shown};
use crate::postgres::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::provider::CloseStep;
use std::sync::Arc;
use tokio_postgres::SimpleQueryRow;

/// Objects named in the report of one database.
const NAMED_MOST: usize = 100;

/// What becomes of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// They go to the graveyard.
    Graveyard,
    /// They are dropped, unless others depend on them.
    Drop,
}

/// Whose objects go where.
pub(super) struct Heir<'a> {
    pub(super) oid: u32,
    pub(super) name: &'a str,
    pub(super) graveyard: &'a str,
}

/// Hands over in one database.
pub(super) async fn hand_over(
    pool: &Arc<Pool>,
    step: &CloseStep,
    database: &str,
    heir: &Heir<'_>,
    how: How,
    report: &mut Vec<String>,
) -> Result<(), Failure> {
    let lease = lease(pool, step, database).await?;
    let answers = run(&lease, &fill(include_str!("../sql/owned.sql"), &[("oid", &heir.oid.to_string())])).await?;
    let [owned, event_triggers] = answers.as_slice() else { return Err(Trouble::Garbled.failure(DOING, "")) };
    let silence = silence(&lease, database, event_triggers)?;
    let mut done = how;
    let mut outcome = lease.run(&statements(&lease, heir, how, silence)).await;
    if how == How::Drop && outcome.as_ref().err().and_then(Trouble::code) == Some("2BP01") {
        // Others depend on something of it, and theirs is not ours to drop.
        done = How::Graveyard;
        outcome = lease.run(&statements(&lease, heir, done, silence)).await;
    }
    outcome.map_err(|trouble| trouble.failure(&format!("{DOING} in database {}", shown(database)), ""))?;
    lease.give_back();
    describe(database, heir, done, owned, report).map_err(|trouble| trouble.failure(DOING, ""))
}

/// The statement that keeps event triggers from firing. A superuser can silence them; for anybody else those count whose
/// function belongs to a role without superuser, since whoever owns it could have it do things as us.
fn silence(lease: &Lease, database: &str, event_triggers: &[SimpleQueryRow]) -> Result<&'static str, Failure> {
    match (lease.facts.superuser, event_triggers.first()) {
        // Event triggers can be switched off from 17 on; before, replicas fire none but those that ask to be.
        (true, _) if lease.facts.version >= 170_000 => Ok("SET LOCAL event_triggers = off;\n"),
        (true, _) => Ok("SET LOCAL session_replication_role = replica;\n"),
        (false, None) => Ok(""),
        (false, Some(row)) => {
            let text = |column| field(row, column).map_err(|trouble| trouble.failure(DOING, ""));
            Err(Failure::new(
                FailureClass::NotPermitted,
                format!(
                    "{DOING} in database {} would run {} of event trigger {}, which belongs to a role without superuser; as a \
                     superuser, in that database: ALTER EVENT TRIGGER {} DISABLE;",
                    shown(database),
                    told(text(1)?),
                    shown(text(0)?),
                    shown(text(0)?)
                ),
            ))
        }
    }
}

fn statements(lease: &Lease, heir: &Heir<'_>, how: How, silence: &str) -> String {
    let (name, graveyard) = (ident(heir.name), ident(heir.graveyard));
    if how == How::Drop {
        return format!("BEGIN;\n{silence}DROP OWNED BY {name};\nCOMMIT;");
    }
    let quarantine = block(&fill(include_str!("../sql/quarantine.sql"), &[("oid", &heir.oid.to_string())]));
    let reassign = format!("REASSIGN OWNED BY {name} TO {graveyard};\nDROP OWNED BY {name};\n");
    if lease.facts.superuser {
        return format!("BEGIN;\n{silence}{quarantine}{reassign}COMMIT;");
    }
    // Without superuser the new owner of a function or type needs CREATE on its schema. The account had it, perhaps through
    // its role, so the graveyard borrows it from the account, within this transaction only.
    let inherit = if lease.facts.has_membership_options() { " WITH INHERIT TRUE" } else { "" };
    format!(
        "BEGIN;\n{quarantine}GRANT {name} TO {graveyard}{inherit};\n{reassign}REVOKE {name} FROM {graveyard};\nCOMMIT;"
    )
}

fn describe(
    database: &str,
    heir: &Heir<'_>,
    done: How,
    owned: &[SimpleQueryRow],
    report: &mut Vec<String>,
) -> Result<(), Trouble> {
    let (name, place) = (shown(heir.name), shown(database));
    let fate = match done {
        How::Graveyard => format!("was handed to {}", shown(heir.graveyard)),
        How::Drop => "was dropped".to_owned(),
    };
    for row in owned.iter().take(NAMED_MOST) {
        let (kind, identity) = (field(row, 0)?, field(row, 1)?);
        let fate = match kind {
            // These hold nothing once the account is gone.
            "default acl" | "user mapping" => "was dropped".to_owned(),
            "database" | "tablespace" if done == How::Drop => continue,
            _ => fate.clone(),
        };
        let also = if done == How::Graveyard && field(row, 2)? == "t" { " and lost SECURITY DEFINER" } else { "" };
        report.push(format!("{} {} of {name} in database {place} {fate}{also}", told(kind), told(identity)));
    }
    if let Some(more) = owned.len().checked_sub(NAMED_MOST).filter(|more| *more > 0) {
        report.push(format!("{more} more objects of {name} in database {place} likewise"));
    }
    Ok(())
}
