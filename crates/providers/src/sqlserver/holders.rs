//! Looking for log-ins and users that hold for good what sessions are given for a time. It only reads.

use super::connection::{Pool, Row, text, yes};
use super::names::named;
use super::settings::Settings;
use super::sql::{Value, bytes, call, hex, shown};
use super::texts;
use super::trouble::Trouble;
use crate::holders::{Holder, Holders, HoldersRequest, RIGHTS_MOST};
use mayfly_domain::{AccountName, Administration, Failure, Permit};
use std::sync::Arc;

const DOING: &str = "looking who holds rights on the server";

/// Looks.
pub(super) async fn holders(
    pool: &Arc<Pool>,
    by: &Administration,
    request: &HoldersRequest,
) -> Result<Holders, Failure> {
    let settings = Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place, &settings.home.purpose()).await?;
    let target = lease.facts.target.clone();
    let elevate = request.elevate.as_deref().unwrap_or_default();
    let lift = if settings.home.contained { None } else { named(elevate).ok() };
    let mut sql = String::new();
    // One more than is answered tells that there are more.
    let most = Value::Number(i64::try_from(RIGHTS_MOST + 1).unwrap_or(i64::MAX));
    let mut databases: Vec<&str> = settings.databases.iter().map(|one| one.database.as_str()).collect();
    let role = match &lift {
        Some(lift) => match &lift.second {
            Some(role) => {
                if !databases.contains(&lift.first.as_str()) {
                    databases.push(&lift.first);
                }
                role.as_str()
            }
            None => lift.first.as_str(),
        },
        None => elevate,
    };
    if settings.home.contained {
        databases = vec![&settings.home.database];
    } else {
        let values = [("role", "sysname", Value::Text(role)), ("most", "int", most.clone())];
        sql.push_str(&call(&settings.home.database, &texts::HOLDERS_SERVER, &values));
    }
    for database in &databases {
        let values = [("role", "sysname", Value::Text(role)), ("most", "int", most.clone())];
        sql.push_str(&call(database, include_str!("sql/holders_database.sql"), &values));
    }
    let answers = lease.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let of_server = usize::from(!settings.home.contained);
    let read = || -> Result<Holders, Trouble> {
        if answers.len() != of_server + databases.len() {
            return Err(Trouble::Garbled);
        }
        let mut holders: Vec<Holder> = Vec::new();
        let mut more = false;
        for (index, rows) in answers.iter().enumerate() {
            let database = index.checked_sub(of_server).and_then(|index| databases.get(index)).copied();
            more |= rows.len() > RIGHTS_MOST;
            for row in rows.iter().take(RIGHTS_MOST) {
                let (holder, right) = held(row, database)?;
                // The user of a log-in has its SID.
                match holders.iter_mut().find(|known| known.native_id == holder.native_id) {
                    Some(known) => known.rights.push(right),
                    None => holders.push(Holder { rights: vec![right], ..holder }),
                }
            }
        }
        Ok(Holders { target, holders, more })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

/// Reads one row: whose right, and which.
fn held(row: &Row, database: Option<&str>) -> Result<(Holder, String), Trouble> {
    let sid = bytes(text(row, 1)?).ok_or(Trouble::Garbled)?;
    let holder = Holder {
        account: AccountName::existing(text(row, 0)?),
        native_id: hex(&sid),
        administrative: yes(row, 2)?,
        deadline: None,
        rights: Vec::new(),
    };
    let place = database.map_or_else(String::new, |database| format!(" in database {}", shown(database)));
    let right = match (text(row, 3)?, text(row, 4)?) {
        ("", role) => format!("member of {}{place}", shown(role)),
        (permission, "") => format!("{permission}{place}"),
        (permission, role) => format!("{permission}{place} through {}", shown(role)),
    };
    Ok((holder, right))
}
