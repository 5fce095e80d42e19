//! Searching a server for accounts of ours without the ledger. It only reads.

use super::connection::{Pool, Row, needed, number, only, text, yes};
use super::payload::{Account, Frozen};
use super::scope::hidden;
use super::settings::Settings;
use super::sql::{Value, bytes, call, hex};
use super::texts;
use super::trouble::Trouble;
use crate::scan::{FOUND_MOST, Found, Scan, ScanRequest};
use mayfly_domain::{AccountName, Administration, ChangeKind, Failure, FailureClass, Mark, Permit, WallTime};
use mayfly_engine::ports::provider::PlannedChange;
use std::sync::Arc;

const DOING: &str = "searching the server for accounts";

/// Searches.
pub(super) async fn scan(pool: &Arc<Pool>, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
    let settings = Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place, &settings.home.purpose()).await?;
    let target = lease.facts.target.clone();
    let admin = lease.facts.admin.clone();
    let sql = if settings.home.contained { &texts::USER_SCAN } else { &texts::SCAN };
    let most = i64::try_from(FOUND_MOST).unwrap_or(i64::MAX);
    let values =
        [("prefix", "nvarchar(128)", Value::Text(request.prefix.as_str())), ("most", "int", Value::Number(most))];
    let answers = lease.run(&call(&settings.home.database, sql, &values)).await;
    let answers = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let read = || -> Result<Scan, Trouble> {
        let [first, rows] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let first = only(first)?;
        if !yes(first, 1)? {
            return Err(Trouble::Known(Failure::new(FailureClass::NotPermitted, hidden(&settings.home, &admin))));
        }
        let found = rows.iter().map(|row| found(row, &settings)).collect::<Result<_, Trouble>>()?;
        Ok(Scan { target, target_now: WallTime::from_micros(needed(first, 0)?), found })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

fn found(row: &Row, settings: &Settings) -> Result<Found, Trouble> {
    let sid = bytes(text(row, 1)?).filter(|sid| !sid.is_empty()).ok_or(Trouble::Garbled)?;
    let account = AccountName::existing(text(row, 0)?);
    let mark = Mark::parse(text(row, 3)?);
    let changes = match &mark {
        Some(mark) => vec![change(&account, mark, &sid, settings)?],
        None => Vec::new(),
    };
    Ok(Found {
        account,
        mark,
        native_id: hex(&sid),
        // A job of Agent's may hold one; it is the removal that has to find it.
        deadline: None,
        made: number(row, 4)?.map(WallTime::from_micros),
        last_log_in: None,
        can_log_in: yes(row, 2)?,
        sessions: needed(row, 5)?,
        changes,
    })
}

/// What the removal needs, from the settings of today.
fn change(account: &AccountName, mark: &Mark, sid: &[u8], settings: &Settings) -> Result<PlannedChange, Trouble> {
    let frozen = Frozen::AccountV1(Account {
        database: settings.home.database.clone(),
        contained: settings.home.contained,
        mark: mark.to_string(),
        sid: Some(hex(sid)),
        databases: settings.databases.clone(),
        server_roles: settings.server_roles.clone(),
        disabled_at: None,
        leftovers: settings.leftovers,
        graveyard: settings.graveyard.clone(),
    });
    Ok(PlannedChange {
        kind: ChangeKind::Account,
        account: account.clone(),
        group: None,
        prior: false,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: None,
    })
}
