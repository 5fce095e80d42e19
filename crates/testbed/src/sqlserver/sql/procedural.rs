//! Statements that guide others: variables, conditions, blocks, transactions, errors, calls.

use super::super::error::SqlError;
use super::cursor::Cursor;
use super::expression::{expression, kind, list};
use super::statement::{object, statement};
use super::token::Token;
use super::{Argument, Expr, Statement};

/// Options of sessions that change nothing that the stand-in has. With the number of words behind the name.
const OPTIONS: [&str; 24] = [
    "ANSI_NULLS",
    "ANSI_NULL_DFLT_ON",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ANSI_DEFAULTS",
    "ARITHABORT",
    "ARITHIGNORE",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "IMPLICIT_TRANSACTIONS",
    "QUOTED_IDENTIFIER",
    "NOCOUNT",
    "NUMERIC_ROUNDABORT",
    "XACT_ABORT",
    "TEXTSIZE",
    "LOCK_TIMEOUT",
    "DATEFORMAT",
    "DATEFIRST",
    "LANGUAGE",
    "ROWCOUNT",
    "FMTONLY",
    "DEADLOCK_PRIORITY",
    "NO_BROWSETABLE",
    "CONTEXT_INFO",
];

/// `SET`: an option of the session, or a variable.
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    if matches!(cursor.peek(0), Some(Token::Word(word)) if word.starts_with('@')) {
        let variable = cursor.variable()?;
        cursor.need("=")?;
        return Ok(Statement::SetVariable(variable, expression(cursor)?));
    }
    if cursor.take("TRANSACTION ISOLATION LEVEL") {
        for level in ["READ COMMITTED", "READ UNCOMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"] {
            if cursor.take(level) {
                return Ok(Statement::SetOption);
            }
        }
        return Err(cursor.unknown());
    }
    if cursor.take("XACT_ABORT") {
        return cursor.on_off().map(Statement::SetXactAbort);
    }
    let from = *cursor;
    loop {
        let name = cursor.name()?;
        if !OPTIONS.iter().any(|option| name.eq_ignore_ascii_case(option)) {
            return Err(from.unknown());
        }
        if !cursor.take(",") {
            break;
        }
    }
    match cursor.peek(0) {
        // Rows that are left out would be a silent difference.
        Some(Token::Number(number)) if from.sees("ROWCOUNT") && *number != 0 => Err(from.unknown()),
        Some(Token::Word(word)) if from.sees("FMTONLY") && !word.eq_ignore_ascii_case("OFF") => Err(from.unknown()),
        Some(Token::Word(word)) if from.sees("IMPLICIT_TRANSACTIONS") && !word.eq_ignore_ascii_case("OFF") => {
            Err(from.unknown())
        }
        Some(Token::Symbol("-")) => {
            cursor.next();
            cursor.next();
            Ok(Statement::SetOption)
        }
        Some(_) => {
            cursor.next();
            Ok(Statement::SetOption)
        }
        None => Err(cursor.wrong()),
    }
}

/// `DECLARE`: variables, each perhaps with a value.
pub(super) fn declare(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let mut variables = Vec::new();
    loop {
        let name = cursor.variable()?;
        cursor.take("AS");
        if cursor.sees("TABLE") || cursor.sees("CURSOR") {
            return Err(cursor.unknown());
        }
        let kind = kind(cursor)?;
        let value = if cursor.take("=") { Some(expression(cursor)?) } else { None };
        variables.push((name, kind, value));
        if !cursor.take(",") {
            return Ok(Statement::Declare(variables));
        }
    }
}

/// `PRINT`.
pub(super) fn print(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    expression(cursor).map(Statement::Print)
}

/// `IF`, and what else.
pub(super) fn condition(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let condition = expression(cursor)?;
    let then = Box::new(statement(cursor)?);
    let mut ahead = *cursor;
    ahead.take(";");
    if ahead.take("ELSE") {
        *cursor = ahead;
        return Ok(Statement::If(condition, then, Some(Box::new(statement(cursor)?))));
    }
    Ok(Statement::If(condition, then, None))
}

/// `WHILE`.
pub(super) fn repeat(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let condition = expression(cursor)?;
    Ok(Statement::While(condition, Box::new(statement(cursor)?)))
}

/// `BEGIN … END`.
pub(super) fn block(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    until(cursor, "END").map(Statement::Block)
}

/// `BEGIN TRY … END TRY BEGIN CATCH … END CATCH`.
pub(super) fn attempt(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let tried = until(cursor, "END TRY")?;
    cursor.take(";");
    cursor.need("BEGIN CATCH")?;
    Ok(Statement::Try(tried, until(cursor, "END CATCH")?))
}

fn until(cursor: &mut Cursor<'_>, end: &str) -> Result<Vec<Statement>, SqlError> {
    let mut statements = Vec::new();
    loop {
        while cursor.take(";") {}
        if cursor.take(end) {
            return Ok(statements);
        }
        statements.push(statement(cursor)?);
    }
}

/// `BEGIN TRANSACTION`, whose name says nothing.
pub(super) fn begin(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    end(cursor, Statement::Begin)
}

/// What stands behind `COMMIT` and `ROLLBACK`.
pub(super) fn end(cursor: &mut Cursor<'_>, statement: Statement) -> Result<Statement, SqlError> {
    if statement != Statement::Begin {
        let _ = cursor.take("TRANSACTION") || cursor.take("TRAN") || cursor.take("WORK");
    }
    if let Some(Token::Name(_)) = cursor.peek(0) {
        return Err(cursor.unknown());
    }
    Ok(statement)
}

/// `THROW`: an error of one's own, or the one that was caught once more.
pub(super) fn throw(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    match cursor.peek(0) {
        Some(Token::Number(_)) => {
            let [number, text, state]: [Expr; 3] = list(cursor)?.try_into().map_err(|_| cursor.wrong())?;
            Ok(Statement::Throw(Some([number, text, state])))
        }
        Some(Token::Word(word)) if word.starts_with('@') => {
            let parts: [Expr; 3] = list(cursor)?.try_into().map_err(|_| cursor.wrong())?;
            Ok(Statement::Throw(Some(parts)))
        }
        _ => Ok(Statement::Throw(None)),
    }
}

/// `RAISERROR`.
pub(super) fn raise(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    cursor.need("(")?;
    let parts = list(cursor)?;
    cursor.need(")")?;
    if cursor.take("WITH") {
        cursor.need("NOWAIT")?;
    }
    if parts.len() < 3 { Err(cursor.wrong()) } else { Ok(Statement::Raise(parts)) }
}

/// `WAITFOR DELAY`.
pub(super) fn wait(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    expression(cursor).map(Statement::WaitFor)
}

/// `KILL`. It takes a number, and no variable.
pub(super) fn kill(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    match cursor.peek(0) {
        Some(Token::Number(_)) => expression(cursor).map(Statement::Kill),
        Some(Token::Text(_)) => Err(cursor.unknown()),
        _ => Err(cursor.wrong()),
    }
}

/// `EXEC`: a procedure, or statements as text.
pub(super) fn execute(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    if cursor.take("(") {
        let text = expression(cursor)?;
        cursor.need(")")?;
        return Ok(Statement::ExecuteText(text));
    }
    // What it returns is always 0 here: what fails is an error.
    if matches!(cursor.peek(1), Some(Token::Symbol("="))) {
        return Err(cursor.unknown());
    }
    let procedure = object(cursor)?;
    let mut arguments = Vec::new();
    while !cursor.is_empty() && !matches!(cursor.peek(0), Some(Token::Symbol(";"))) {
        let mut name = None;
        if matches!(cursor.peek(1), Some(Token::Symbol("="))) {
            name = Some(cursor.variable()?);
            cursor.need("=")?;
        }
        let value = match cursor.peek(0) {
            // A bare word is a text here.
            Some(Token::Word(word)) if !word.starts_with('@') && !word.eq_ignore_ascii_case("NULL") => {
                cursor.next();
                Expr::Literal(super::super::value::Value::Text(word.clone()))
            }
            _ => expression(cursor)?,
        };
        let output = cursor.take("OUTPUT") || cursor.take("OUT");
        arguments.push(Argument { name, value, output });
        if !cursor.take(",") {
            break;
        }
    }
    Ok(Statement::Execute(procedure, arguments))
}
