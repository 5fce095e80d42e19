//! What the ledger is asked. Each function is one question, answered from one snapshot.

use super::rows;
use crate::database::{all, one};
use mayfly_domain::{AccountName, ChangeId, RunId, SessionId, TargetId, WallTime};
use mayfly_engine::ports::ledger::{ChangeRow, Footprint, Held, SessionRow, WriteOff};
use rusqlite::{Connection, Result, params};
use std::ops::RangeInclusive;

/// Targets as the statements take them: a JSON array, so that any number is one bound parameter.
pub(super) fn list(targets: &[TargetId]) -> String {
    let names: Vec<&str> = targets.iter().map(TargetId::as_str).collect();
    serde_json::json!(names).to_string()
}

/// An id to go on after; before all ids when there is none.
fn after_text(id: Option<&str>) -> &str {
    id.unwrap_or_default()
}

pub(super) fn footprint(connection: &Connection, session: &SessionId) -> Result<Option<Footprint>> {
    let sql = include_str!("../../sql/session-by-id.sql");
    let Some(row) = one(connection, sql, [session.as_str()], rows::session)? else { return Ok(None) };
    let sql = include_str!("../../sql/change-of-session.sql");
    let changes = all(connection, sql, [session.as_str()], rows::change)?;
    Ok(Some(Footprint { session: row, changes }))
}

pub(super) fn change(connection: &Connection, id: &ChangeId) -> Result<Option<Held>> {
    let sql = include_str!("../../sql/change-by-id.sql");
    one(connection, sql, [id.as_str()], rows::change)?.map(|change| held(connection, change)).transpose()
}

/// Joins a change with those who hold it.
fn held(connection: &Connection, change: ChangeRow) -> Result<Held> {
    let sql = include_str!("../../sql/holds-of-change.sql");
    let holds = all(connection, sql, [change.id.as_str()], |row| rows::parsed(row, "session", SessionId::parse))?;
    Ok(Held { change, holds })
}

pub(super) fn membership(
    connection: &Connection,
    target: &TargetId,
    account: &AccountName,
    group: &str,
) -> Result<Option<Held>> {
    let sql = include_str!("../../sql/change-membership.sql");
    let found = one(connection, sql, [target.as_str(), account.as_str(), group], rows::change)?;
    found.map(|change| held(connection, change)).transpose()
}

pub(super) fn highest_native_id(
    connection: &Connection,
    target: &TargetId,
    range: &RangeInclusive<u32>,
) -> Result<Option<u32>> {
    let highest = |sql| one(connection, sql, params![target.as_str(), range.start(), range.end()], |row| row.get(0));
    let present = highest(include_str!("../../sql/change-highest-native-id.sql"))?;
    let past = highest(include_str!("../../sql/change-history-highest-native-id.sql"))?;
    Ok(present.max(past))
}

pub(super) fn known_target(connection: &Connection, endpoint: &str) -> Result<Option<TargetId>> {
    let sql = include_str!("../../sql/known-target.sql");
    one(connection, sql, [endpoint], |row| Ok(TargetId::from_text(row.get("target")?)))
}

pub(super) fn sessions_of_other_runs(
    connection: &Connection,
    run: &RunId,
    after: Option<&SessionId>,
    limit: u32,
) -> Result<Vec<SessionRow>> {
    let after = after_text(after.map(SessionId::as_str));
    let sql = include_str!("../../sql/sessions-of-other-runs.sql");
    all(connection, sql, params![run.as_str(), after, limit], rows::session)
}

pub(super) fn due(connection: &Connection, now: WallTime, limit: u32, except: &str) -> Result<Vec<ChangeRow>> {
    let sql = include_str!("../../sql/changes-due.sql");
    all(connection, sql, params![now.micros(), limit, except], rows::change)
}

pub(super) fn next_due(connection: &Connection, except: &str) -> Result<Option<WallTime>> {
    let sql = include_str!("../../sql/changes-next-due.sql");
    one(connection, sql, [except], |row| row.get(0).map(WallTime::from_micros))
}

pub(super) fn owed_on(connection: &Connection, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>> {
    let sql = include_str!("../../sql/changes-owed-on.sql");
    all(connection, sql, params![target.as_str(), limit], rows::change)
}

pub(super) fn written_off(connection: &Connection) -> Result<Vec<TargetId>> {
    let sql = include_str!("../../sql/targets-written-off.sql");
    all(connection, sql, [], |row| Ok(TargetId::from_text(row.get("target")?)))
}

pub(super) fn written_off_on(connection: &Connection, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>> {
    let sql = include_str!("../../sql/changes-written-off-on.sql");
    all(connection, sql, params![target.as_str(), limit], rows::change)
}

pub(super) fn write_offs(connection: &Connection) -> Result<Vec<WriteOff>> {
    all(connection, include_str!("../../sql/write-offs.sql"), [], rows::write_off)
}

pub(super) fn known_targets(connection: &Connection) -> Result<Vec<(String, TargetId)>> {
    let sql = include_str!("../../sql/known-targets.sql");
    all(connection, sql, [], |row| Ok((row.get("endpoint")?, TargetId::from_text(row.get("target")?))))
}

/// Every change that may still be on its target, the youngest first.
pub(crate) fn not_over(connection: &Connection) -> Result<Vec<ChangeRow>> {
    all(connection, include_str!("../../sql/changes-not-over.sql"), [], rows::change)
}

pub(super) fn closable_sessions(connection: &Connection, limit: u32) -> Result<Vec<SessionRow>> {
    all(connection, include_str!("../../sql/sessions-closable.sql"), [limit], rows::session)
}

pub(super) fn open_sessions(connection: &Connection, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionRow>> {
    let after = after_text(after.map(SessionId::as_str));
    all(connection, include_str!("../../sql/sessions-open.sql"), params![after, limit], rows::session)
}

pub(super) fn outstanding(connection: &Connection, after: Option<&ChangeId>, limit: u32) -> Result<Vec<Held>> {
    let after = after_text(after.map(ChangeId::as_str));
    let sql = include_str!("../../sql/changes-outstanding.sql");
    let found = all(connection, sql, params![after, limit], rows::change)?;
    found.into_iter().map(|change| held(connection, change)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    fn plan(sql: &str) -> Vec<String> {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::run(&mut connection).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // A parameter that is not bound is NULL, which changes no plan.
        let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3)).map(std::result::Result::unwrap);
        rows.collect()
    }

    /// Due work is found by an index however much there is, in the order asked for, without sorting.
    #[test]
    fn due_queries_are_index_scans() {
        let cases = [
            (include_str!("../../sql/changes-due.sql"), "change_due"),
            (include_str!("../../sql/changes-next-due.sql"), "change_due"),
            (include_str!("../../sql/change-membership.sql"), "change_membership"),
            (include_str!("../../sql/changes-owed-on.sql"), "change_owed"),
            (include_str!("../../sql/changes-outstanding.sql"), "change_outstanding"),
            (include_str!("../../sql/changes-written-off-on.sql"), "change_written_off"),
            (include_str!("../../sql/targets-written-off.sql"), "change_written_off"),
            (include_str!("../../sql/sessions-closable.sql"), "session_ending"),
            (include_str!("../../sql/change-highest-native-id.sql"), "change_native_id"),
            (include_str!("../../sql/change-history-highest-native-id.sql"), "change_history_native_id"),
        ];
        for (sql, index) in cases {
            let plan = plan(sql);
            assert!(plan.iter().any(|step| step.contains(index)), "{index} is not used: {plan:#?}");
            let bad = |step: &&String| {
                step.contains("TEMP B-TREE")
                    || step.starts_with("SCAN") && !step.contains("USING") && !step.contains("json_each")
            };
            assert_eq!(plan.iter().find(bad), None, "{plan:#?}");
        }
    }
}
