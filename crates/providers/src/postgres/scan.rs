//! Searching a server for accounts of ours without the ledger. It only reads.

use super::connection::Pool;
use super::connection::{field, number};
use super::payload::{Account, Frozen};
use super::settings::Settings;
use super::sql::{fill, literal, micros};
use super::trouble::Trouble;
use crate::scan::{FOUND_MOST, Found, Scan, ScanRequest};
use mayfly_domain::{AccountName, Administration, ChangeKind, Failure, Mark, Permit, WallTime};
use mayfly_engine::ports::provider::PlannedChange;
use std::sync::Arc;
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "searching the server for accounts";

/// Searches.
pub(super) async fn scan(pool: &Arc<Pool>, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
    let settings = Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place, &settings.maintenance_database).await?;
    let target = lease.facts.target.clone();
    let sql = fill(
        include_str!("sql/scan.sql"),
        &[
            ("now", &micros("clock_timestamp()")),
            ("until", &micros("r.rolvaliduntil")),
            ("prefix", &literal(request.prefix.as_str())),
            ("most", &FOUND_MOST.to_string()),
        ],
    );
    let answers = lease.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    lease.give_back();
    let read = || -> Result<Scan, Trouble> {
        let [now, rows] = answers.as_slice() else { return Err(Trouble::Garbled) };
        let now = number(now.first().ok_or(Trouble::Garbled)?, 0)?.ok_or(Trouble::Garbled)?;
        let target_now = WallTime::from_micros(now);
        let found = rows.iter().map(|row| found(row, &settings, target_now)).collect::<Result<_, Trouble>>()?;
        Ok(Scan { target, target_now, found })
    };
    read().map_err(|trouble| trouble.failure(DOING, ""))
}

fn found(row: &SimpleQueryRow, settings: &Settings, now: WallTime) -> Result<Found, Trouble> {
    let oid: u32 = number(row, 0)?.ok_or(Trouble::Garbled)?;
    let account = AccountName::existing(field(row, 1)?);
    let deadline = number(row, 3)?.map(WallTime::from_micros);
    let mark = Mark::parse(field(row, 4)?);
    let changes = match &mark {
        Some(mark) => vec![change(&account, mark, settings, deadline.unwrap_or(now))?],
        None => Vec::new(),
    };
    Ok(Found {
        account,
        mark,
        native_id: oid.to_string(),
        deadline,
        // The catalogue does not know.
        made: None,
        last_log_in: None,
        can_log_in: field(row, 2)? == "t",
        sessions: number(row, 5)?.ok_or(Trouble::Garbled)?,
        changes,
    })
}

/// What the removal needs, from the settings of today.
fn change(
    account: &AccountName,
    mark: &Mark,
    settings: &Settings,
    valid_until: WallTime,
) -> Result<PlannedChange, Trouble> {
    let frozen = Frozen::AccountV1(Account {
        maintenance_database: settings.maintenance_database.clone(),
        mark: mark.to_string(),
        valid_until,
        connections: settings.connections,
        verifier_iterations: settings.verifier_iterations,
        roles: Vec::new(),
        leftovers: settings.leftovers,
        graveyard_role: settings.graveyard_role.clone(),
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
