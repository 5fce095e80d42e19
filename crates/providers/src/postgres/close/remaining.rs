//! Saying what still depends on an account that cannot be dropped: mostly grants that somebody else made, which only they or
//! a superuser can take back.

use super::hand_over::lease;
use super::told;
use crate::postgres::connection::Pool;
use crate::postgres::connection::field;
use crate::postgres::payload::Frozen;
use crate::postgres::scope::ours;
use crate::postgres::sql::{fill, shown};
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::provider::CloseStep;
use std::sync::Arc;

/// Objects named in the text.
const NAMED_MOST: usize = 10;

/// The failure of a removal, with everything that stands in its way and the statement that helps. `known` is returned when
/// more cannot be found out.
pub(crate) async fn explain(pool: &Arc<Pool>, step: &CloseStep, known: Failure) -> Failure {
    match find(pool, step).await {
        Ok(Some(failure)) => failure,
        Ok(None) => known,
        Err(failure) => Failure::new(known.class, format!("{}; {}", known.text, failure.text)),
    }
}

async fn find(pool: &Arc<Pool>, step: &CloseStep) -> Result<Option<Failure>, Failure> {
    let Frozen::AccountV1(account) = Frozen::read(&step.change.payload)? else { return Ok(None) };
    let doing = "looking for what depends on the account";
    let first = lease(pool, step, &account.maintenance_database).await?;
    let ours = ours(&step.change, &account.mark)?;
    let sql = format!(
        "SELECT DISTINCT d.datname, r.oid, r.rolname FROM pg_roles r JOIN pg_shdepend s \
         ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid \
         LEFT JOIN pg_database d ON d.oid = s.dbid WHERE {ours} ORDER BY 1"
    );
    let answers = first.run(&sql).await.map_err(|trouble| trouble.failure(doing, ""))?;
    first.give_back();
    let (mut named, mut fixes, mut name) = (Vec::new(), Vec::new(), String::new());
    for row in answers.first().map_or(&[][..], Vec::as_slice) {
        let text = |column| field(row, column).map_err(|trouble| trouble.failure(doing, ""));
        let database = if text(0)?.is_empty() { account.maintenance_database.as_str() } else { text(0)? };
        name = text(2)?.to_owned();
        let there = lease(pool, step, database).await?;
        let sql = fill(include_str!("../sql/remaining.sql"), &[("oid", text(1)?)]);
        let answers = there.run(&sql).await.map_err(|trouble| trouble.failure(doing, ""))?;
        there.give_back();
        for row in answers.first().map_or(&[][..], Vec::as_slice) {
            let text = |column| field(row, column).map_err(|trouble| trouble.failure(doing, ""));
            let by = if text(3)?.is_empty() { String::new() } else { format!(" granted by {}", told(text(3)?)) };
            let why = if text(2)? == "o" { " owned by it".to_owned() } else { by };
            named.push(format!("{} {} in database {}{why}", told(text(0)?), told(text(1)?), shown(database)));
        }
        fixes.push(shown(database));
    }
    if named.is_empty() {
        return Ok(None);
    }
    let more = named.len().saturating_sub(NAMED_MOST);
    named.truncate(NAMED_MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    fixes.dedup();
    Ok(Some(Failure::new(
        FailureClass::NotPermitted,
        format!(
            "{name} is closed but cannot be dropped, because these depend on it: {}{more}; as a superuser, in each of the \
             databases {}: DROP OWNED BY {name};",
            named.join(", "),
            fixes.join(", "),
            name = shown(&name)
        ),
    )))
}
