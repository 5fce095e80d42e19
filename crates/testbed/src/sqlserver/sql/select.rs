//! Reading a `SELECT`.

use super::super::error::SqlError;
use super::cursor::Cursor;
use super::expression::expression;
use super::token::Token;
use super::{Expr, Item, Join, Named, Query, Source};

/// Words that end what may have a name without `AS`.
const NO_ALIAS: [&str; 32] = [
    "INSERT", "DELETE", "WHILE", "PRINT", "THROW", "FETCH", "OPEN", "CLOSE", "FROM", "WHERE", "ORDER", "INNER", "LEFT",
    "JOIN", "CROSS", "ON", "UNION", "AS", "IF", "ELSE", "END", "BEGIN", "SELECT", "SET", "EXEC", "EXECUTE", "DECLARE",
    "KILL", "USE", "DROP", "CREATE", "ALTER",
];

/// A query, which begins with `SELECT` or with `WITH`.
pub(super) fn query(cursor: &mut Cursor<'_>) -> Result<Query, SqlError> {
    let mut with = Vec::new();
    if cursor.take("WITH") {
        loop {
            with.push(named(cursor)?);
            if !cursor.take(",") {
                break;
            }
        }
    }
    cursor.need("SELECT")?;
    let distinct = cursor.take("DISTINCT");
    let top = if cursor.take("TOP") { Some(top(cursor)?) } else { None };
    let mut items = vec![item(cursor)?];
    while cursor.take(",") {
        items.push(item(cursor)?);
    }
    let from = if cursor.take("FROM") { tables(cursor)? } else { Vec::new() };
    let filter = if cursor.take("WHERE") { Some(expression(cursor)?) } else { None };
    if cursor.sees("GROUP") || cursor.sees("HAVING") || cursor.sees("INTO") || cursor.sees("FOR") {
        return Err(cursor.unknown());
    }
    let union = if cursor.take("UNION") {
        let all = cursor.take("ALL");
        let more = query(cursor)?;
        if !more.order.is_empty() {
            return Err(SqlError::unknown("ORDER BY behind UNION"));
        }
        Some((all, Box::new(more)))
    } else {
        None
    };
    let mut order = Vec::new();
    if cursor.take("ORDER BY") {
        loop {
            let by = expression(cursor)?;
            let down = cursor.take("DESC");
            cursor.take("ASC");
            order.push((by, down));
            if !cursor.take(",") {
                break;
            }
        }
    }
    Ok(Query { with, top, distinct, items, from, filter, order, union })
}

/// A query with a name: the name, its columns perhaps, and the query in brackets.
fn named(cursor: &mut Cursor<'_>) -> Result<Named, SqlError> {
    let name = cursor.name()?;
    let mut columns = Vec::new();
    if cursor.take("(") {
        columns.push(cursor.name()?);
        while cursor.take(",") {
            columns.push(cursor.name()?);
        }
        cursor.need(")")?;
    }
    cursor.need("AS")?;
    cursor.need("(")?;
    let query = query(cursor)?;
    cursor.need(")")?;
    Ok(Named { name, columns, query })
}

/// How many rows at most: a number, or an expression in brackets.
fn top(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    if cursor.take("(") {
        let most = expression(cursor)?;
        cursor.need(")")?;
        return Ok(most);
    }
    match cursor.next() {
        Some(Token::Number(number)) => Ok(Expr::Literal(super::super::value::Value::Int(*number))),
        _ => Err(cursor.wrong()),
    }
}

fn item(cursor: &mut Cursor<'_>) -> Result<Item, SqlError> {
    if cursor.take("*") {
        return Ok(Item::All(None));
    }
    if matches!((cursor.peek(1), cursor.peek(2)), (Some(Token::Symbol(".")), Some(Token::Symbol("*")))) {
        let table = cursor.name()?;
        cursor.next();
        cursor.next();
        return Ok(Item::All(Some(table)));
    }
    if matches!(cursor.peek(0), Some(Token::Word(word)) if word.starts_with('@') && !word.starts_with("@@"))
        && matches!(cursor.peek(1), Some(Token::Symbol("=")))
    {
        let variable = cursor.variable()?;
        cursor.next();
        return Ok(Item::Assign(variable, expression(cursor)?));
    }
    // The old form: a name, `=`, the expression.
    if matches!(cursor.peek(0), Some(Token::Word(_) | Token::Name(_)))
        && matches!(cursor.peek(1), Some(Token::Symbol("=")))
    {
        let name = cursor.name()?;
        cursor.next();
        return Ok(Item::Expr(expression(cursor)?, Some(name)));
    }
    let expr = expression(cursor)?;
    let alias = alias(cursor)?;
    Ok(Item::Expr(expr, alias))
}

/// A name for what stands in front, if it has one.
fn alias(cursor: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if cursor.take("AS") {
        return match cursor.peek(0) {
            Some(Token::Text(text)) => {
                cursor.next();
                Ok(Some(text.clone()))
            }
            _ => cursor.name().map(Some),
        };
    }
    match cursor.peek(0) {
        Some(Token::Name(_)) => cursor.name().map(Some),
        Some(Token::Word(word))
            if !word.starts_with('@') && !NO_ALIAS.iter().any(|no| word.eq_ignore_ascii_case(no)) =>
        {
            cursor.name().map(Some)
        }
        _ => Ok(None),
    }
}

fn tables(cursor: &mut Cursor<'_>) -> Result<Vec<Join>, SqlError> {
    let mut joins = vec![table(cursor)?];
    loop {
        let left = if cursor.take(",") || cursor.take("CROSS JOIN") {
            joins.push(table(cursor)?);
            continue;
        } else if cursor.take("LEFT OUTER JOIN") || cursor.take("LEFT JOIN") {
            true
        } else if cursor.take("INNER JOIN") || cursor.take("JOIN") {
            false
        } else {
            return Ok(joins);
        };
        let mut join = table(cursor)?;
        cursor.need("ON")?;
        (join.left, join.on) = (left, Some(expression(cursor)?));
        joins.push(join);
    }
}

fn table(cursor: &mut Cursor<'_>) -> Result<Join, SqlError> {
    let (source, name) = if cursor.take("(") {
        let query = query(cursor)?;
        cursor.need(")")?;
        (Source::Query(Box::new(query)), None)
    } else if matches!(cursor.peek(0), Some(Token::Word(word)) if word.starts_with('@')) {
        let name = cursor.variable()?;
        (Source::Variable(name.clone()), Some(name))
    } else {
        let mut parts = vec![cursor.name()?];
        while cursor.take(".") {
            parts.push(cursor.name()?);
        }
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop().unwrap_or_else(|| "dbo".to_owned());
        let source = Source::View(parts.pop(), schema.to_lowercase(), name.to_lowercase());
        (source, Some(name))
    };
    let alias = alias(cursor)?.or(name).unwrap_or_default();
    if cursor.take("WITH") {
        cursor.need("(")?;
        cursor.need("NOLOCK")?;
        cursor.need(")")?;
    }
    Ok(Join { source, alias, on: None::<Expr>, left: false })
}
