//! Expressions and conditions.

use super::super::{
    error::SqlError,
    value::{Kind, Value},
};
use super::cursor::Cursor;
use super::query::Query;
use super::select;
use super::token::Token;

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    /// A column, behind the name of its table if there is one.
    Column(Option<String>, String),
    /// A variable, without its `@`.
    Variable(String),
    /// A value of the server's with `@@`, in lower case and without them.
    Global(String),
    /// A function by its name in upper case.
    Call(String, Vec<Expr>),
    /// `COUNT(*)`.
    CountAll,
    /// `CAST` and `CONVERT`.
    Cast(Box<Expr>, Kind),
    /// `CONVERT` with a style.
    Styled(Box<Expr>, Kind, i64),
    /// `COLLATE`, and whether case and spaces count.
    Collate(Box<Expr>, bool),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>, bool),
    In(Box<Expr>, Vec<Expr>),
    InQuery(Box<Expr>, Box<Query>),
    Exists(Box<Query>),
    Scalar(Box<Query>),
    /// `CASE`: conditions with their values, and the value of `ELSE`.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
}

/// How the operators bind, the loosest first.
const LEVELS: [&[(&str, Op)]; 5] = [
    &[("OR", Op::Or)],
    &[("AND", Op::And)],
    &[
        ("=", Op::Equal),
        ("<>", Op::Unequal),
        ("!=", Op::Unequal),
        ("<=", Op::LessOrEqual),
        (">=", Op::GreaterOrEqual),
        ("<", Op::Less),
        (">", Op::Greater),
        ("LIKE", Op::Like),
    ],
    &[("+", Op::Add), ("-", Op::Subtract), ("&", Op::BitAnd)],
    &[("*", Op::Multiply), ("/", Op::Divide), ("%", Op::Modulo)],
];

/// The level of comparisons, at which `IN` and `IS` stand as well.
const COMPARISONS: usize = 2;

/// An expression or a condition.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    level(cursor, 0)
}

fn level(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expr, SqlError> {
    let Some(operators) = LEVELS.get(depth) else { return collated(cursor) };
    if depth == COMPARISONS && cursor.take("NOT") {
        return Ok(Expr::Not(Box::new(level(cursor, depth)?)));
    }
    let mut left = level(cursor, depth + 1)?;
    loop {
        if depth == COMPARISONS
            && let Some(next) = postfix(cursor, &left)?
        {
            left = next;
            continue;
        }
        let Some((_, op)) = operators.iter().find(|(text, _)| cursor.take(text)) else { return Ok(left) };
        left = Expr::Binary(*op, Box::new(left), Box::new(level(cursor, depth + 1)?));
    }
}

/// `IS NULL`, `IN` and what is denied, behind an expression.
fn postfix(cursor: &mut Cursor<'_>, left: &Expr) -> Result<Option<Expr>, SqlError> {
    let left = Box::new(left.clone());
    if cursor.take("IS NOT NULL") {
        return Ok(Some(Expr::IsNull(left, false)));
    }
    if cursor.take("IS NULL") {
        return Ok(Some(Expr::IsNull(left, true)));
    }
    let denied = cursor.take("NOT");
    let found = if cursor.take("IN") {
        cursor.need("(")?;
        let found = if cursor.sees("SELECT") {
            Expr::InQuery(left, Box::new(select::query(cursor)?))
        } else {
            Expr::In(left, list(cursor)?)
        };
        cursor.need(")")?;
        found
    } else if denied && cursor.take("LIKE") {
        Expr::Binary(Op::Like, left, Box::new(level(cursor, COMPARISONS + 1)?))
    } else if denied {
        return Err(cursor.wrong());
    } else {
        return Ok(None);
    };
    Ok(Some(if denied { Expr::Not(Box::new(found)) } else { found }))
}

/// Expressions between commas, at least one.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<Expr>, SqlError> {
    let mut expressions = vec![expression(cursor)?];
    while cursor.take(",") {
        expressions.push(expression(cursor)?);
    }
    Ok(expressions)
}

/// An expression with its collation.
fn collated(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    let inner = unary(cursor)?;
    if !cursor.take("COLLATE") {
        return Ok(inner);
    }
    let at = *cursor;
    match cursor.name()?.to_uppercase().as_str() {
        "DATABASE_DEFAULT" | "CATALOG_DEFAULT" => Ok(inner),
        name if name.ends_with("_BIN2") || name.ends_with("_BIN") => Ok(Expr::Collate(Box::new(inner), true)),
        _ => Err(at.unknown()),
    }
}

fn unary(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    if cursor.take("-") {
        return Ok(Expr::Negative(Box::new(unary(cursor)?)));
    }
    if cursor.take("EXISTS") {
        cursor.need("(")?;
        let query = select::query(cursor)?;
        cursor.need(")")?;
        return Ok(Expr::Exists(Box::new(query)));
    }
    if cursor.take("(") {
        let inner =
            if cursor.sees("SELECT") { Expr::Scalar(Box::new(select::query(cursor)?)) } else { expression(cursor)? };
        cursor.need(")")?;
        return Ok(inner);
    }
    if cursor.take("CASE") {
        return case(cursor);
    }
    if cursor.take("NULL") {
        return Ok(Expr::Literal(Value::Null));
    }
    match cursor.peek(0) {
        Some(Token::Text(text)) => literal(cursor, Value::Text(text.clone())),
        Some(Token::Number(number)) => literal(cursor, Value::Int(*number)),
        Some(Token::Binary(bytes)) => literal(cursor, Value::Binary(bytes.clone())),
        Some(Token::Word(word)) if word.starts_with("@@") => {
            cursor.next();
            Ok(Expr::Global(word[2..].to_lowercase()))
        }
        Some(Token::Word(word)) if word.starts_with('@') => cursor.variable().map(Expr::Variable),
        Some(Token::Word(_) | Token::Name(_)) => named(cursor),
        _ => Err(cursor.wrong()),
    }
}

fn literal(cursor: &mut Cursor<'_>, value: Value) -> Result<Expr, SqlError> {
    cursor.next();
    Ok(Expr::Literal(value))
}

/// A column or a function.
fn named(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    let mut parts = vec![cursor.name()?];
    while cursor.take(".") {
        parts.push(cursor.name()?);
    }
    let last = parts.pop().unwrap_or_default();
    if !cursor.take("(") {
        return Ok(Expr::Column(parts.pop(), last));
    }
    let function = last.to_uppercase();
    let call = match function.as_str() {
        "COUNT" if cursor.take("*") => Expr::CountAll,
        "CAST" => {
            let inner = expression(cursor)?;
            cursor.need("AS")?;
            Expr::Cast(Box::new(inner), kind(cursor)?)
        }
        "CONVERT" => {
            let kind = kind(cursor)?;
            cursor.need(",")?;
            let inner = expression(cursor)?;
            if cursor.take(",") {
                let Some(Token::Number(style)) = cursor.next() else { return Err(cursor.wrong()) };
                Expr::Styled(Box::new(inner), kind, *style)
            } else {
                Expr::Cast(Box::new(inner), kind)
            }
        }
        _ if matches!(cursor.peek(0), Some(Token::Symbol(")"))) => Expr::Call(function, Vec::new()),
        _ => Expr::Call(function, list(cursor)?),
    };
    cursor.need(")")?;
    Ok(call)
}

fn case(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    let subject = if cursor.sees("WHEN") { None } else { Some(expression(cursor)?) };
    let mut branches = Vec::new();
    while cursor.take("WHEN") {
        let mut condition = expression(cursor)?;
        if let Some(subject) = &subject {
            condition = Expr::Binary(Op::Equal, Box::new(subject.clone()), Box::new(condition));
        }
        cursor.need("THEN")?;
        branches.push((condition, expression(cursor)?));
    }
    let otherwise = if cursor.take("ELSE") { Some(Box::new(expression(cursor)?)) } else { None };
    cursor.need("END")?;
    Ok(Expr::Case(branches, otherwise))
}

/// The name of a type.
pub(super) fn kind(cursor: &mut Cursor<'_>) -> Result<Kind, SqlError> {
    let at = *cursor;
    let name = cursor.name()?.to_lowercase();
    let mut size = None;
    if cursor.take("(") {
        size = match cursor.next() {
            Some(Token::Number(number)) => u16::try_from(*number).ok(),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("max") => None,
            _ => return Err(cursor.wrong()),
        };
        cursor.need(")")?;
        if size.is_none() {
            return Ok(if name.contains("binary") { Kind::Binary(None) } else { Kind::Text(None) });
        }
    }
    Ok(match name.as_str() {
        "sysname" => Kind::Text(Some(128)),
        // Fixed lengths are padded, which nothing here asks for.
        "nvarchar" | "varchar" | "nchar" | "char" => Kind::Text(Some(size.unwrap_or(30))),
        "int" => Kind::Int,
        "bigint" => Kind::BigInt,
        "smallint" => Kind::SmallInt,
        "tinyint" => Kind::TinyInt,
        "bit" => Kind::Bit,
        "datetime" => Kind::DateTime,
        "datetime2" | "datetimeoffset" => Kind::DateTime2,
        "varbinary" | "binary" => Kind::Binary(Some(size.unwrap_or(30))),
        "uniqueidentifier" => Kind::Guid,
        "sql_variant" => Kind::Variant,
        _ => return Err(at.unknown()),
    })
}
