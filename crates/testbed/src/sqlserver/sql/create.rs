//! Statements that make and drop things that are owned: databases, schemas, roles, tables, endpoints.

use super::super::error::SqlError;
use super::cursor::Cursor;
use super::expression::{kind, list};
use super::statement::object;
use super::token::Token;
use super::{RowsFrom, RowsTo, Statement, procedural, select};

/// `CREATE … name [AUTHORIZATION owner]`.
pub(super) fn owned(
    cursor: &mut Cursor<'_>,
    make: fn(String, Option<String>) -> Statement,
) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    let owner = if cursor.take("AUTHORIZATION") { Some(cursor.name()?) } else { None };
    Ok(make(name, owner))
}

/// `DROP … [IF EXISTS] name`.
pub(super) fn dropped(cursor: &mut Cursor<'_>, make: fn(String, bool) -> Statement) -> Result<Statement, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(make(cursor.name()?, if_exists))
}

/// `CREATE DATABASE name [CONTAINMENT = PARTIAL]`.
pub(super) fn database(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    let mut contained = false;
    if cursor.take("CONTAINMENT") {
        cursor.need("=")?;
        contained = cursor.take("PARTIAL");
        if !contained {
            cursor.need("NONE")?;
        }
    }
    Ok(Statement::CreateDatabase(name, contained))
}

/// `CREATE TABLE name (column type …)`.
pub(super) fn table(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = object(cursor)?;
    cursor.need("(")?;
    let mut columns = Vec::new();
    loop {
        let column = cursor.name()?;
        columns.push((column, kind(cursor)?));
        let _ = cursor.take("NOT NULL") || cursor.take("NULL");
        if cursor.take(")") {
            return Ok(Statement::CreateTable(name, columns));
        }
        if !cursor.take(",") {
            return Err(cursor.unknown());
        }
    }
}

/// `DROP TABLE [IF EXISTS] name`.
pub(super) fn drop_table(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Statement::DropTable(object(cursor)?, if_exists))
}

/// `INSERT [INTO] name` with `VALUES`, a query or a call; all columns in their order.
pub(super) fn insert(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let to = if matches!(cursor.peek(0), Some(Token::Word(word)) if word.starts_with('@')) {
        RowsTo::Variable(cursor.variable()?)
    } else {
        RowsTo::Table(object(cursor)?)
    };
    let from = if cursor.sees("SELECT") || cursor.sees("WITH") {
        RowsFrom::Query(Box::new(select::query(cursor)?))
    } else if cursor.take("EXECUTE") || cursor.take("EXEC") {
        RowsFrom::Execute(Box::new(procedural::execute(cursor)?))
    } else if cursor.take("VALUES") {
        let mut rows = Vec::new();
        loop {
            cursor.need("(")?;
            rows.push(list(cursor)?);
            cursor.need(")")?;
            if !cursor.take(",") {
                break;
            }
        }
        RowsFrom::Values(rows)
    } else {
        return Err(cursor.unknown());
    };
    Ok(Statement::Insert(to, from))
}

/// `CREATE ENDPOINT name …`: what it listens for is read over; the stand-in opens none.
pub(super) fn endpoint(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    while !cursor.is_empty() && !matches!(cursor.peek(0), Some(Token::Symbol(";"))) {
        cursor.next();
    }
    Ok(Statement::CreateEndpoint(name))
}

/// `CREATE TRIGGER name ON DATABASE FOR … AS …`, up to the end of the batch.
pub(super) fn trigger(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    cursor.need("ON")?;
    cursor.need("DATABASE")?;
    cursor.need("FOR")?;
    while cursor.next().is_some() {}
    Ok(Statement::CreateTrigger(name))
}

/// `DISABLE TRIGGER name ON DATABASE`.
pub(super) fn disable_trigger(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    cursor.need("ON")?;
    cursor.need("DATABASE")?;
    Ok(Statement::DisableTrigger(name))
}
