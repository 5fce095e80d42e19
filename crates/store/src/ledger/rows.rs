//! Rows to values and back. What a row holds was checked when it was written; what cannot be read back is an error of the
//! store and never a panic.

use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, EndReason, Failure, Payload, PersonName, Place, RecordName, RunId,
    SessionId, SessionState, TargetId, WallTime,
};
use mayfly_engine::ports::ledger::{ChangeRow, SessionRow, WriteOff};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Result, Row, named_params};

/// A column holds what this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the column {column} holds what this version cannot read")]
struct Unreadable {
    column: &'static str,
}

fn unreadable(column: &'static str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, Box::new(Unreadable { column }))
}

/// Reads a column of text through `parse`.
pub(crate) fn parsed<T, E>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl FnOnce(&str) -> std::result::Result<T, E>,
) -> Result<T> {
    parse(&row.get::<_, String>(column)?).map_err(|_| unreadable(column))
}

/// The same for a parser that answers `None`.
fn known<T>(row: &Row<'_>, column: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parsed(row, column, |text| parse(text).ok_or(()))
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T> {
    parsed(row, column, |text| serde_json::from_str(text))
}

fn moment(row: &Row<'_>, column: &'static str) -> Result<WallTime> {
    row.get(column).map(WallTime::from_micros)
}

/// Reads a session.
pub(crate) fn session(row: &Row<'_>) -> Result<SessionRow> {
    let end_reason: Option<String> = row.get("end_reason")?;
    Ok(SessionRow {
        id: parsed(row, "id", SessionId::parse)?,
        run: parsed(row, "run", RunId::parse)?,
        person: parsed(row, "person", PersonName::parse)?,
        record: parsed(row, "record", RecordName::parse)?,
        target: TargetId::from_text(row.get("target")?),
        account: AccountName::existing(&row.get::<_, String>("account")?),
        state: known(row, "state", SessionState::parse)?,
        opened_at: moment(row, "opened_at")?,
        deadline: moment(row, "deadline")?,
        since: moment(row, "since")?,
        end_reason: match end_reason {
            Some(text) => Some(EndReason::parse(&text).ok_or_else(|| unreadable("end_reason"))?),
            None => None,
        },
    })
}

/// Adds a session.
pub(super) fn insert_session(connection: &Connection, row: &SessionRow) -> Result<usize> {
    connection.prepare_cached(include_str!("../../sql/session-insert.sql"))?.execute(named_params! {
        ":id": row.id.as_str(),
        ":run": row.run.as_str(),
        ":person": row.person.as_str(),
        ":record": row.record.as_str(),
        ":target": row.target.as_str(),
        ":account": row.account.as_str(),
        ":state": row.state.as_str(),
        ":opened_at": row.opened_at.micros(),
        ":deadline": row.deadline.micros(),
        ":since": row.since.micros(),
        ":end_reason": row.end_reason.map(EndReason::as_str),
    })
}

/// Reads a change.
pub(super) fn change(row: &Row<'_>) -> Result<ChangeRow> {
    let failure: Option<String> = row.get("failure")?;
    Ok(ChangeRow {
        id: parsed(row, "id", ChangeId::parse)?,
        session: parsed(row, "session", SessionId::parse)?,
        provider: row.get("provider")?,
        kind: known(row, "kind", ChangeKind::parse)?,
        target: TargetId::from_text(row.get("target")?),
        place: json::<Place>(row, "place")?,
        account: AccountName::existing(&row.get::<_, String>("account")?),
        group: row.get("group_name")?,
        payload: Payload {
            kind: row.get("payload_kind")?,
            version: row.get("payload_version")?,
            bytes: row.get("payload")?,
        },
        state: known(row, "state", ChangeState::parse)?,
        since: moment(row, "since")?,
        depends_on: json::<Vec<ChangeId>>(row, "depends_on")?,
        last_moment: moment(row, "last_moment")?,
        confirmed: row.get("confirmed")?,
        native_id: row.get("native_id")?,
        prior: row.get("prior")?,
        held_since: moment(row, "held_since")?,
        exclusive: row.get("exclusive")?,
        end_other_sessions: row.get("end_other_sessions")?,
        next_try: row.get::<_, Option<i64>>("next_try")?.map(WallTime::from_micros),
        tries: row.get("tries")?,
        failure: match failure {
            Some(text) => Some(serde_json::from_str::<Failure>(&text).map_err(|_| unreadable("failure"))?),
            None => None,
        },
        can_log_in: row.get("can_log_in")?,
    })
}

/// Reads that a target was written off.
pub(super) fn write_off(row: &Row<'_>) -> Result<WriteOff> {
    Ok(WriteOff {
        target: TargetId::from_text(row.get("target")?),
        by: row.get("made_by")?,
        reason: row.get("reason")?,
        at: moment(row, "at")?,
        returned: row.get::<_, Option<i64>>("returned")?.map(WallTime::from_micros),
    })
}

/// A value as JSON text, for a column that nothing searches in.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// Adds a change.
pub(super) fn insert_change(connection: &Connection, row: &ChangeRow) -> Result<usize> {
    connection.prepare_cached(include_str!("../../sql/change-insert.sql"))?.execute(named_params! {
        ":id": row.id.as_str(),
        ":session": row.session.as_str(),
        ":provider": row.provider,
        ":kind": row.kind.as_str(),
        ":target": row.target.as_str(),
        ":place": to_json(&row.place)?,
        ":credential": row.place.credential.record.as_str(),
        ":account": row.account.as_str(),
        ":group_name": row.group,
        ":payload_kind": row.payload.kind,
        ":payload_version": row.payload.version,
        ":payload": row.payload.bytes,
        ":state": row.state.as_str(),
        ":since": row.since.micros(),
        ":depends_on": to_json(&row.depends_on)?,
        ":last_moment": row.last_moment.micros(),
        ":confirmed": row.confirmed,
        ":native_id": row.native_id,
        ":prior": row.prior,
        ":held_since": row.held_since.micros(),
        ":exclusive": row.exclusive,
        ":end_other_sessions": row.end_other_sessions,
        ":next_try": row.next_try.map(WallTime::micros),
        ":tries": row.tries,
        ":failure": row.failure.as_ref().map(to_json).transpose()?,
        ":can_log_in": row.can_log_in,
    })
}
