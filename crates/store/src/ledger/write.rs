//! The writes of an entry, each with what it expects. All run on the writer's connection inside the entry's savepoint, so
//! what was checked is still so when it is changed.

#![deny(clippy::wildcard_enum_match_arm)]

use super::rows;
use crate::database::{execute, holds, one};
use crate::error::Stop;
use mayfly_domain::{ChangeId, ChangeKind, ChangeState, EndReason, Failure, SessionId, SessionState, WallTime};
use mayfly_engine::ports::ledger::{ChangeRow, HoldRow, Learnt, SessionRow, Write, WriteOff};
use mayfly_engine::proof::Ending;
use rusqlite::{Connection, params};

/// Does the writes of one entry, in order, up to the first whose expectation fails.
pub(super) fn apply(connection: &Connection, writes: Vec<Write>) -> Result<(), Stop> {
    for write in writes {
        match write {
            Write::OpenSession(row) => open_session(connection, &row)?,
            Write::MoveSession { id, from, to, at, reason } => move_session(connection, &id, (from, to), at, reason)?,
            Write::Intend(row) => intend(connection, &row)?,
            Write::Move { id, from, to, at, next_try, learnt } => {
                move_change(connection, &id, (from, to), at, next_try)?;
                learn(connection, &id, &learnt)?;
            }
            Write::Conclude { id, at, ending } => conclude(connection, &id, at, &ending)?,
            Write::Learn { id, learnt } => {
                expect_state(connection, &id, ChangeState::Withdrawing)?;
                learn(connection, &id, &learnt)?;
            }
            Write::Postpone { id, next_try, tries, failure, learnt } => {
                postpone(connection, &id, next_try, tries, failure.as_ref())?;
                learn(connection, &id, &learnt)?;
            }
            Write::Hold(row) => hold(connection, &row)?,
            Write::Release(row) => release(connection, &row)?,
            Write::Know { endpoint, target: Some(target) } => {
                let values = [endpoint.to_string(), target.to_string()];
                execute(connection, include_str!("../../sql/known-target-put.sql"), values)?;
            }
            Write::Know { endpoint, target: None } => {
                execute(connection, include_str!("../../sql/known-target-delete.sql"), [endpoint.to_string()])?;
            }
            Write::WriteOff(WriteOff { target, by, reason, at, .. }) => {
                let values = params![target.as_str(), by, reason, at.micros()];
                execute(connection, include_str!("../../sql/write-off-insert.sql"), values)?;
            }
            Write::Return { target, at } => {
                let values = params![target.as_str(), at.micros()];
                execute(connection, include_str!("../../sql/write-off-returned.sql"), values)?;
            }
            Write::Trust { from, trust } => {
                let values = [rows::to_json(&from)?, rows::to_json(&trust)?];
                execute(connection, include_str!("../../sql/change-trust.sql"), values)?;
            }
        }
    }
    Ok(())
}

fn open_session(connection: &Connection, row: &SessionRow) -> Result<(), Stop> {
    if holds(connection, include_str!("../../sql/session-exists.sql"), [row.id.as_str()])? {
        return Stop::expected(format!("there is a session {} already", row.id));
    }
    if row.state == SessionState::Ended {
        return Stop::expected(format!("session {} cannot begin as ended", row.id));
    }
    rows::insert_session(connection, row)?;
    Ok(())
}

fn move_session(
    connection: &Connection,
    id: &SessionId,
    (from, to): (SessionState, SessionState),
    at: WallTime,
    reason: Option<EndReason>,
) -> Result<(), Stop> {
    let sql = include_str!("../../sql/session-state.sql");
    let found = one(connection, sql, [id.as_str()], |row| row.get::<_, String>(0))?;
    match found.as_deref().map(SessionState::parse) {
        Some(Some(state)) if state == from => {}
        Some(_) => {
            let found = found.unwrap_or_default();
            return Stop::expected(format!("session {id} is {found}, not {}", from.as_str()));
        }
        None => return Stop::expected(format!("there is no session {id} that is not ended")),
    }
    if !from.may_become(to) {
        return Stop::expected(format!("a session does not go from {} to {}", from.as_str(), to.as_str()));
    }
    let values = params![id.as_str(), to.as_str(), at.micros(), reason.map(EndReason::as_str)];
    execute(connection, include_str!("../../sql/session-move.sql"), values)?;
    if to == SessionState::Ended {
        execute(connection, include_str!("../../sql/session-to-history.sql"), [id.as_str()])?;
        execute(connection, include_str!("../../sql/session-delete.sql"), [id.as_str()])?;
    }
    Ok(())
}

fn intend(connection: &Connection, row: &ChangeRow) -> Result<(), Stop> {
    if holds(connection, include_str!("../../sql/change-exists.sql"), [row.id.as_str()])? {
        return Stop::expected(format!("there is a change {} already", row.id));
    }
    let was_there = row.state == ChangeState::Present && row.kind == ChangeKind::Membership && row.prior;
    if row.state != ChangeState::Intended && !was_there {
        return Stop::expected(format!("change {} cannot begin as {}", row.id, row.state.as_str()));
    }
    if row.kind == ChangeKind::Membership {
        let Some(group) = &row.group else {
            return Stop::expected(format!("change {} is a membership and names no group", row.id));
        };
        let key = [row.target.as_str(), row.account.as_str(), group.as_str()];
        let found = one(connection, include_str!("../../sql/change-membership.sql"), key, rows::change)?;
        if let Some(found) = found {
            return Stop::expected(format!("the membership is change {}, which is {}", found.id, found.state.as_str()));
        }
    }
    rows::insert_change(connection, row)?;
    Ok(())
}

/// Fails the entry unless the change is in `state`.
fn expect_state(connection: &Connection, id: &ChangeId, state: ChangeState) -> Result<(), Stop> {
    let sql = include_str!("../../sql/change-state.sql");
    match one(connection, sql, [id.as_str()], |row| row.get::<_, String>(0))? {
        Some(found) if found == state.as_str() => Ok(()),
        Some(found) => Stop::expected(format!("change {id} is {found}, not {}", state.as_str())),
        None => {
            Stop::expected(format!("there is no change {id} that is not over, and so none that is {}", state.as_str()))
        }
    }
}

fn move_change(
    connection: &Connection,
    id: &ChangeId,
    (from, to): (ChangeState, ChangeState),
    at: WallTime,
    next_try: Option<WallTime>,
) -> Result<(), Stop> {
    expect_state(connection, id, from)?;
    // The ends are reached only with a proof, by `Conclude`.
    if !to.is_unfinished() || !from.may_become(to) {
        return Stop::expected(format!("a change is not moved from {} to {}", from.as_str(), to.as_str()));
    }
    let values = params![id.as_str(), to.as_str(), at.micros(), next_try.map(WallTime::micros)];
    execute(connection, include_str!("../../sql/change-move.sql"), values)?;
    Ok(())
}

fn conclude(connection: &Connection, id: &ChangeId, at: WallTime, ending: &Ending) -> Result<(), Stop> {
    expect_state(connection, id, ChangeState::Withdrawing)?;
    let state = ending.state();
    let values = params![id.as_str(), state.as_str(), at.micros()];
    execute(connection, include_str!("../../sql/change-conclude.sql"), values)?;
    match state {
        ChangeState::Absent | ChangeState::Released => {
            execute(connection, include_str!("../../sql/change-to-history.sql"), [id.as_str()])?;
            execute(connection, include_str!("../../sql/change-delete.sql"), [id.as_str()])?;
        }
        // What was kept still needs somebody's eye and may be taken up again.
        ChangeState::Kept
        | ChangeState::WrittenOff
        | ChangeState::Intended
        | ChangeState::Present
        | ChangeState::Withdrawing => {}
    }
    Ok(())
}

fn learn(connection: &Connection, id: &ChangeId, learnt: &Learnt) -> Result<(), Stop> {
    let Learnt { confirmed, native_id, prior, last_moment, can_log_in } = learnt;
    let values = params![id.as_str(), confirmed, native_id, prior, last_moment.map(WallTime::micros), can_log_in];
    execute(connection, include_str!("../../sql/change-learn.sql"), values)?;
    Ok(())
}

fn postpone(
    connection: &Connection,
    id: &ChangeId,
    next_try: WallTime,
    tries: u32,
    failure: Option<&Failure>,
) -> Result<(), Stop> {
    expect_state(connection, id, ChangeState::Withdrawing)?;
    let values = params![id.as_str(), next_try.micros(), tries, failure.map(rows::to_json).transpose()?];
    execute(connection, include_str!("../../sql/change-postpone.sql"), values)?;
    Ok(())
}

fn hold(connection: &Connection, row: &HoldRow) -> Result<(), Stop> {
    let key = [row.change.as_str(), row.session.as_str()];
    if holds(connection, include_str!("../../sql/hold-exists.sql"), key)? {
        return Stop::expected(format!("session {} holds change {} already", row.session, row.change));
    }
    if !holds(connection, include_str!("../../sql/change-exists.sql"), [row.change.as_str()])? {
        return Stop::expected(format!("there is no change {} to hold", row.change));
    }
    execute(connection, include_str!("../../sql/hold-insert.sql"), key)?;
    Ok(())
}

fn release(connection: &Connection, row: &HoldRow) -> Result<(), Stop> {
    let key = [row.change.as_str(), row.session.as_str()];
    execute(connection, include_str!("../../sql/hold-delete.sql"), key)?;
    Ok(())
}
