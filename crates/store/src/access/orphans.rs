//! What searches of targets found, and claims of installations.

use super::{Decision, unreadable};
use crate::Store;
use crate::database::{all, execute, holds};
use async_trait::async_trait;
use mayfly_access::store::{Claim, Ignored, Orphan, Orphans, Scanned, StoreError};
use mayfly_domain::audit::Event;
use mayfly_domain::{AccountName, Failure, InstallationId, Mark, RecordName, TargetId, WallTime};
use rusqlite::{Connection, Result, Row, named_params, params};

fn moment(row: &Row<'_>, column: &str) -> Result<Option<WallTime>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(WallTime::from_micros))
}

fn at(row: &Row<'_>, column: &str) -> Result<WallTime> {
    row.get(column).map(WallTime::from_micros)
}

fn record(row: &Row<'_>) -> Result<RecordName> {
    RecordName::parse(&row.get::<_, String>("record")?).map_err(unreadable)
}

fn orphan(row: &Row<'_>) -> Result<Orphan> {
    let ignored = match row.get::<_, Option<String>>("ignored_by")? {
        Some(by) => Some(Ignored { by, reason: row.get("ignored_reason")?, until: at(row, "ignored_until")? }),
        None => None,
    };
    Ok(Orphan {
        target: TargetId::from_text(row.get("target")?),
        account: AccountName::existing(&row.get::<_, String>("account")?),
        record: record(row)?,
        native_id: row.get("native_id")?,
        mark: row.get::<_, Option<String>>("mark")?.and_then(|mark| Mark::parse(&mark)),
        deadline: moment(row, "deadline")?,
        made: moment(row, "made")?,
        last_log_in: moment(row, "last_log_in")?,
        can_log_in: row.get("can_log_in")?,
        sessions: row.get("sessions")?,
        first_seen: at(row, "first_seen")?,
        last_seen: at(row, "last_seen")?,
        ignored,
    })
}

fn scanned(row: &Row<'_>) -> Result<Scanned> {
    let failure: Option<String> = row.get("failure")?;
    Ok(Scanned {
        record: record(row)?,
        at: at(row, "at")?,
        target: row.get::<_, Option<String>>("target")?.map(TargetId::from_text),
        failure: failure.map(|text| serde_json::from_str::<Failure>(&text)).transpose().map_err(unreadable)?,
    })
}

fn claim(row: &Row<'_>) -> Result<Claim> {
    Ok(Claim {
        installation: InstallationId::parse(&row.get::<_, String>("installation")?).map_err(unreadable)?,
        by: row.get("made_by")?,
        reason: row.get("reason")?,
        at: at(row, "at")?,
    })
}

fn insert(connection: &Connection, orphan: &Orphan) -> Result<usize> {
    let (mark, ignored) = (orphan.mark.as_ref().map(ToString::to_string), orphan.ignored.as_ref());
    connection.prepare_cached(include_str!("../../sql/orphan-insert.sql"))?.execute(named_params! {
        ":target": orphan.target.as_str(),
        ":account": orphan.account.as_str(),
        ":record": orphan.record.as_str(),
        ":native_id": orphan.native_id,
        ":mark": mark,
        ":deadline": orphan.deadline.map(WallTime::micros),
        ":made": orphan.made.map(WallTime::micros),
        ":last_log_in": orphan.last_log_in.map(WallTime::micros),
        ":can_log_in": orphan.can_log_in,
        ":sessions": orphan.sessions,
        ":first_seen": orphan.first_seen.micros(),
        ":last_seen": orphan.last_seen.micros(),
        ":ignored_by": ignored.map(|ignored| &ignored.by),
        ":ignored_reason": ignored.map(|ignored| &ignored.reason),
        ":ignored_until": ignored.map(|ignored| ignored.until.micros()),
    })
}

#[async_trait]
impl Orphans for Store {
    async fn orphans(&self) -> std::result::Result<Vec<Orphan>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/orphans.sql"), [], orphan)?)).await
    }

    async fn scans(&self) -> std::result::Result<Vec<Scanned>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/orphan-scans.sql"), [], scanned)?)).await
    }

    async fn ledger_speaks_for(
        &self,
        target: &TargetId,
        account: &AccountName,
        mark: Option<&Mark>,
        native_id: &str,
    ) -> std::result::Result<bool, StoreError> {
        let (target, account) = (target.as_str().to_owned(), account.as_str().to_owned());
        let (session, native_id) = (mark.map(|mark| mark.session.to_string()), native_id.to_owned());
        let sql = include_str!("../../sql/change-of-account-exists.sql");
        self.ask(move |connection| Ok(holds(connection, sql, params![target, account, session, native_id])?)).await
    }

    async fn scanned(
        &self,
        scan: Scanned,
        found: Vec<Orphan>,
        events: Vec<Event>,
    ) -> std::result::Result<(), StoreError> {
        self.decide(events, move |connection| {
            if let Some(target) = &scan.target {
                execute(connection, include_str!("../../sql/orphans-delete-target.sql"), [target.as_str()])?;
            }
            for orphan in &found {
                insert(connection, orphan)?;
            }
            let failure = scan.failure.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
            let target = scan.target.as_ref().map(TargetId::as_str);
            let values = params![scan.record.as_str(), scan.at.micros(), target, failure];
            execute(connection, include_str!("../../sql/orphan-scan-put.sql"), values)?;
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn forget(&self, target: &TargetId, account: &AccountName) -> std::result::Result<(), StoreError> {
        let key = [target.as_str().to_owned(), account.as_str().to_owned()];
        self.decide(Vec::new(), move |connection| {
            execute(connection, include_str!("../../sql/orphan-delete.sql"), key)?;
            Ok(Decision::Keep(()))
        })
        .await
    }

    async fn ignore(
        &self,
        target: &TargetId,
        account: &AccountName,
        ignored: Ignored,
        events: Vec<Event>,
    ) -> std::result::Result<bool, StoreError> {
        let (target, account) = (target.as_str().to_owned(), account.as_str().to_owned());
        self.decide(events, move |connection| {
            let values = params![target, account, ignored.by, ignored.reason, ignored.until.micros()];
            let done = execute(connection, include_str!("../../sql/orphan-ignore.sql"), values)?;
            Ok(if done == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }

    async fn claims(&self) -> std::result::Result<Vec<Claim>, StoreError> {
        self.ask(|connection| Ok(all(connection, include_str!("../../sql/installation-claims.sql"), [], claim)?)).await
    }

    async fn claim(&self, claim: Claim, events: Vec<Event>) -> std::result::Result<bool, StoreError> {
        self.decide(events, move |connection| {
            let values = params![claim.installation.as_str(), claim.by, claim.reason, claim.at.micros()];
            let done = execute(connection, include_str!("../../sql/installation-claim-insert.sql"), values)?;
            Ok(if done == 0 { Decision::Undo(false) } else { Decision::Keep(true) })
        })
        .await
    }
}
