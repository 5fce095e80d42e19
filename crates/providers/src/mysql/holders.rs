//! Looking for accounts that hold for good what sessions are given for a time. It only reads.

use super::MySql;
use super::connection::{Facts, Purpose, Row};
use super::dialect::Dialect;
use super::settings::Settings;
use super::sql::{fill, literal, shown};
use super::trouble::Trouble;
use crate::holders::{Holder, Holders, HoldersRequest, RIGHTS_MOST};
use mayfly_domain::{AccountName, Administration, Failure, Permit};

const DOING: &str = "looking who holds rights on the server";

/// Looks.
pub(super) async fn holders(
    provider: &MySql,
    by: &Administration,
    request: &HoldersRequest,
) -> Result<Holders, Failure> {
    Settings::read(&request.settings)?;
    let purpose = Purpose::Accounts.with(provider.dialect);
    let lease = provider.pool.lease(Permit::Inspect(by), &request.place, purpose).await?;
    let facts = lease.facts.clone();
    let template = match provider.dialect {
        Dialect::MySql => include_str!("sql/holders_mysql.sql"),
        Dialect::MariaDb => include_str!("sql/holders_mariadb.sql"),
    };
    let elevated = literal(request.elevate.as_deref().unwrap_or_default());
    // One more than is answered tells that there are more.
    let most = (RIGHTS_MOST + 1).to_string();
    let answers = lease.run(&fill(template, &[("elevated", &elevated), ("most", &most)])).await;
    let answers = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let read = || -> Result<Holders, Trouble> {
        let [rows] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let mut holders: Vec<Holder> = Vec::new();
        for row in rows.iter().take(RIGHTS_MOST) {
            let (holder, right) = held(row, &facts, request.elevate.as_deref().unwrap_or_default())?;
            match holders.last_mut().filter(|last| last.native_id == holder.native_id) {
                Some(last) => last.rights.push(right),
                None => holders.push(Holder { rights: vec![right], ..holder }),
            }
        }
        Ok(Holders { target: facts.target.clone(), holders, more: rows.len() > RIGHTS_MOST })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

/// Reads one row: whose right, and which; an empty one is that of being a member.
fn held(row: &Row, facts: &Facts, role: &str) -> Result<(Holder, String), Trouble> {
    let (user, host, right) = (row.text(0)?, row.text(1)?, row.text(2)?);
    let holder = Holder {
        account: AccountName::existing(user),
        native_id: format!("{user}@{host}"),
        administrative: user == facts.admin && host == facts.admin_host,
        deadline: None,
        rights: Vec::new(),
    };
    let right = if right.is_empty() { format!("member of {}", shown(role)) } else { right.to_owned() };
    Ok((holder, right))
}
