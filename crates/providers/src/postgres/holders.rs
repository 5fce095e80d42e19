//! Looking for roles that hold for good what sessions are given for a time. It only reads.

use super::connection::Pool;
use super::connection::{field, number};
use super::settings::Settings;
use super::sql::{fill, literal, micros, shown};
use super::trouble::Trouble;
use crate::holders::{Holder, Holders, HoldersRequest, RIGHTS_MOST};
use mayfly_domain::{AccountName, Administration, Failure, Permit, WallTime};
use std::sync::Arc;
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "looking who holds rights on the server";

/// Looks.
pub(super) async fn holders(
    pool: &Arc<Pool>,
    by: &Administration,
    request: &HoldersRequest,
) -> Result<Holders, Failure> {
    let settings = Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place, &settings.maintenance_database).await?;
    let target = lease.facts.target.clone();
    let sql = fill(
        include_str!("sql/holders.sql"),
        &[
            ("until", &micros("l.rolvaliduntil")),
            ("elevated", &literal(request.elevate.as_deref().unwrap_or_default())),
            // One more than is answered tells that there are more.
            ("most", &(RIGHTS_MOST + 1).to_string()),
        ],
    );
    let answers = lease.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let read = || -> Result<Holders, Trouble> {
        let [rows] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let mut holders: Vec<Holder> = Vec::new();
        for row in rows.iter().take(RIGHTS_MOST) {
            let (holder, right) = held(row)?;
            match holders.last_mut().filter(|last| last.native_id == holder.native_id) {
                Some(last) => last.rights.push(right),
                None => holders.push(Holder { rights: vec![right], ..holder }),
            }
        }
        Ok(Holders { target, holders, more: rows.len() > RIGHTS_MOST })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

/// Reads one row: whose right, and which.
fn held(row: &SimpleQueryRow) -> Result<(Holder, String), Trouble> {
    let oid: u32 = number(row, 0)?.ok_or(Trouble::Garbled)?;
    let holder = Holder {
        account: AccountName::existing(field(row, 1)?),
        native_id: oid.to_string(),
        administrative: field(row, 2)? == "t",
        deadline: number(row, 3)?.map(WallTime::from_micros),
        rights: Vec::new(),
    };
    let (attribute, through) = (field(row, 4)?, field(row, 5)?);
    let right = match (attribute, through) {
        (attribute, "") => attribute.to_owned(),
        ("", role) => format!("member of {}", shown(role)),
        (attribute, role) => format!("{attribute} through {}", shown(role)),
    };
    Ok((holder, right))
}
