//! Statements that guide others: variables, conditions, blocks, transactions, errors, calls.

use super::super::error::SqlError;
use super::cursor::Cursor;
use super::expression::{expression, kind, list};
use super::select;
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
    if cursor.take("LOCK_TIMEOUT") {
        let forever = cursor.take("-");
        let Some(Token::Number(number)) = cursor.next() else { return Err(cursor.wrong()) };
        let time = u64::try_from(*number).map_err(|_| cursor.wrong())?;
        return Ok(Statement::SetLockTimeout((!forever).then_some(std::time::Duration::from_millis(time))));
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
    if cursor.sees_at(1, "CURSOR") {
        let name = cursor.name()?;
        cursor.take("CURSOR");
        while cursor.take("LOCAL") || cursor.take("FAST_FORWARD") || cursor.take("STATIC") || cursor.take("READ_ONLY") {
        }
        cursor.need("FOR")?;
        return select::query(cursor).map(|query| Statement::DeclareCursor(name, query));
    }
    let mut variables = Vec::new();
    loop {
        let name = cursor.variable()?;
        cursor.take("AS");
        if cursor.take("TABLE") {
            return table(cursor, name);
        }
        let kind = kind(cursor)?;
        let value = if cursor.take("=") { Some(expression(cursor)?) } else { None };
        variables.push((name, kind, value));
        if !cursor.take(",") {
            return Ok(Statement::Declare(variables));
        }
    }
}

/// A variable that is a table.
fn table(cursor: &mut Cursor<'_>, name: String) -> Result<Statement, SqlError> {
    cursor.need("(")?;
    let mut columns = Vec::new();
    loop {
        let column = cursor.name()?;
        let kind = kind(cursor)?;
        let counts = cursor.take("IDENTITY");
        let _ = cursor.take("NOT NULL") || cursor.take("NULL");
        columns.push((column, kind, counts));
        if cursor.take(")") {
            return Ok(Statement::DeclareTable(name, columns));
        }
        if !cursor.take(",") {
            return Err(cursor.unknown());
        }
    }
}

/// `FETCH NEXT FROM cursor INTO variables`.
pub(super) fn fetch(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    cursor.need("INTO")?;
    let mut variables = vec![cursor.variable()?];
    while cursor.take(",") {
        variables.push(cursor.variable()?);
    }
    Ok(Statement::Fetch(name, variables))
}

/// `DELETE @table [WHERE …]`. Of other tables nothing is deleted here.
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    cursor.take("FROM");
    let at = *cursor;
    let name = cursor.variable().map_err(|_| at.unknown())?;
    let filter = if cursor.take("WHERE") { Some(expression(cursor)?) } else { None };
    Ok(Statement::Delete(name, filter))
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
    let mut result = None;
    if matches!(cursor.peek(1), Some(Token::Symbol("="))) {
        result = Some(cursor.variable()?);
        cursor.need("=")?;
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
    Ok(Statement::Execute(result, procedure, arguments))
}
