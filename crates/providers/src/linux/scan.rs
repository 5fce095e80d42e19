//! Searching a host for accounts of ours without the ledger. It only reads.

use super::payload::{Account, Frozen};
use super::pool::Pool;
use super::script::SCAN;
use super::settings::{Settings, is_plain_path};
use super::survey::{companion, key_file};
use super::trouble::Trouble;
use crate::scan::{FOUND_MOST, Found, Scan, ScanRequest};
use mayfly_domain::{AccountName, Administration, ChangeKind, Failure, Mark, Permit, WallTime};
use mayfly_engine::ports::provider::PlannedChange;
use std::collections::BTreeMap;
use std::sync::Arc;

const DOING: &str = "searching the host for accounts";
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// Searches.
pub(super) async fn scan(pool: &Arc<Pool>, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
    let settings = Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place).await?;
    let from = lease.facts().from.to_string();
    let prefix = request.prefix.as_str();
    let name = format!("{prefix}{}", "0".repeat(13));
    let values = [name.as_str(), &from, &FOUND_MOST.to_string(), prefix];
    let answer = lease.run(&SCAN, &values).await.map_err(|trouble| trouble.failure(DOING))?;
    let target = lease.facts().target.clone();
    let read = || -> Result<Scan, Trouble> {
        let (target_now, keys) = (answer.now()?, answer.text("keys")?);
        let found = answer.all("found").map(|line| found(line, keys, &settings, target_now));
        Ok(Scan { target, target_now, found: found.collect::<Result<_, Trouble>>()? })
    };
    read().map_err(|trouble| trouble.failure(DOING))
}

fn moment(text: &str, unit: i64) -> Result<Option<WallTime>, Trouble> {
    if text.is_empty() {
        return Ok(None);
    }
    let number: i64 = text.parse().map_err(|_| Trouble::Garbled)?;
    number.checked_mul(unit).map(|micros| Some(WallTime::from_micros(micros))).ok_or(Trouble::Garbled)
}

/// Reads one line. No field of `/etc/passwd` has a colon in it.
fn found(line: &str, keys: &str, settings: &Settings, now: WallTime) -> Result<Found, Trouble> {
    let fields: Vec<&str> = line.split(':').collect();
    let [uid, name, gecos, home, expires, made, last, log_in, sessions, sudoers] = fields[..] else {
        return Err(Trouble::Garbled);
    };
    let uid: u32 = uid.parse().map_err(|_| Trouble::Garbled)?;
    let (account, mark) = (AccountName::existing(name), Mark::parse(gecos));
    let deadline = moment(expires, DAY)?;
    let changes = match &mark {
        Some(mark) => changes(&account, mark, home, keys, sudoers == "yes", settings, deadline.unwrap_or(now))?,
        None => Vec::new(),
    };
    Ok(Found {
        account,
        mark,
        native_id: uid.to_string(),
        deadline,
        made: moment(made, SECOND)?,
        last_log_in: moment(last, SECOND)?,
        can_log_in: log_in == "yes",
        sessions: sessions.parse().map_err(|_| Trouble::Garbled)?,
        changes,
    })
}

/// What the removal needs, from what was found and the settings of today.
fn changes(
    account: &AccountName,
    mark: &Mark,
    home: &str,
    keys: &str,
    sudoers: bool,
    settings: &Settings,
    valid_until: WallTime,
) -> Result<Vec<PlannedChange>, Trouble> {
    let name = account.as_str();
    // Whoever was root may have written anything there; a home of ours ends in the name.
    let is_ours = is_plain_path(home) && home.rsplit('/').next() == Some(name);
    let home = if is_ours { home.to_owned() } else { format!("/home/{name}") };
    let frozen = Frozen::AccountV1(Account {
        mark: mark.to_string(),
        id_least: settings.id_least,
        id_most: settings.id_most,
        shell: settings.shell.clone(),
        keys: key_file(keys, name, &home),
        home,
        valid_until,
        group: None,
        root: false,
        swept: settings.places(),
        states: BTreeMap::new(),
        certificate: None,
        forwarding: false,
    });
    let mut changes = vec![PlannedChange {
        kind: ChangeKind::Account,
        account: account.clone(),
        group: None,
        prior: false,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: None,
    }];
    if sudoers {
        changes.push(companion(account)?);
    }
    Ok(changes)
}
