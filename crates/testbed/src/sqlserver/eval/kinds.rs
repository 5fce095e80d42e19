//! Of which type the result of an expression is.

use super::super::error::SqlError;
use super::super::sql::{Expr, Item, Op};
use super::super::value::{Kind, Value};
use super::Scope;
use super::select::columns_of;

/// The type of an expression.
pub(super) fn kind(scope: &Scope<'_>, expr: &Expr) -> Result<Kind, SqlError> {
    Ok(match expr {
        Expr::Literal(value) => of_value(value),
        Expr::Column(table, name) => scope.column(table.as_deref(), name)?.0,
        Expr::Variable(name) => scope.variable(name)?.0,
        Expr::Global(name) => match name.as_str() {
            "version" | "servername" | "servicename" | "language" => Kind::Text(Some(300)),
            "spid" => Kind::SmallInt,
            _ => Kind::Int,
        },
        Expr::Call(name, arguments) => of_call(scope, name, arguments)?,
        Expr::CountAll => Kind::Int,
        Expr::Cast(_, kind) | Expr::Styled(_, kind, _) => *kind,
        Expr::Collate(inner, _) => kind(scope, inner)?,
        Expr::Negative(inner) => kind(scope, inner)?,
        Expr::Not(_) | Expr::IsNull(..) | Expr::In(..) | Expr::InQuery(..) | Expr::Exists(_) => Kind::Bit,
        Expr::Binary(Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Modulo | Op::BitAnd, left, right) => {
            match (kind(scope, left)?, kind(scope, right)?) {
                (Kind::Text(a), Kind::Text(b)) => Kind::Text(a.zip(b).map(|(a, b)| a.saturating_add(b))),
                (a, b) => a.wider(b),
            }
        }
        Expr::Binary(..) => Kind::Bit,
        Expr::Scalar(query) => match query.items.first() {
            Some(Item::Expr(..)) => columns_of(query, scope)?.first().map_or(Kind::Int, |(_, kind)| *kind),
            _ => return Err(SqlError::unknown("a subquery with more than one column")),
        },
        Expr::Case(branches, otherwise) => {
            let values = branches.iter().map(|(_, value)| value).chain(otherwise.as_deref());
            let mut kinds =
                values.filter(|value| **value != Expr::Literal(Value::Null)).map(|value| kind(scope, value));
            let first = kinds.next().unwrap_or(Ok(Kind::Int))?;
            kinds.try_fold(first, |wide, next| next.map(|next| wide.wider(next)))?
        }
    })
}

fn of_value(value: &Value) -> Kind {
    match value {
        Value::Bit(_) => Kind::Bit,
        Value::Int(number) if i32::try_from(*number).is_ok() => Kind::Int,
        Value::Int(_) => Kind::BigInt,
        Value::Text(text) => Kind::Text(u16::try_from(text.encode_utf16().count()).ok()),
        Value::Binary(bytes) => Kind::Binary(u16::try_from(bytes.len()).ok()),
        Value::Moment(_) => Kind::DateTime,
        Value::Null => Kind::Int,
    }
}

fn of_call(scope: &Scope<'_>, name: &str, arguments: &[Expr]) -> Result<Kind, SqlError> {
    let of = |at: usize| arguments.get(at).map_or(Ok(Kind::Int), |argument| kind(scope, argument));
    Ok(match name {
        "ISNULL" | "MAX" | "MIN" | "NULLIF" => of(0)?,
        "COUNT" => Kind::Int,
        "COALESCE" => {
            let mut wide = of(0)?;
            for at in 1..arguments.len() {
                wide = wide.wider(of(at)?);
            }
            wide
        }
        "LOWER" | "UPPER" | "LTRIM" | "RTRIM" | "LEFT" | "RIGHT" | "SUBSTRING" => match of(0)? {
            kind @ Kind::Text(_) => kind,
            _ => Kind::Text(Some(4000)),
        },
        "CONCAT" | "REPLACE" | "STRING_AGG" => Kind::Text(None),
        "GETDATE" | "GETUTCDATE" => Kind::DateTime,
        "SYSUTCDATETIME" | "SYSDATETIME" | "SYSDATETIMEOFFSET" => Kind::DateTime2,
        "DATEADD" => of(2)?,
        "DATEDIFF_BIG" => Kind::BigInt,
        "SUSER_SID" => Kind::Binary(Some(85)),
        "NEWID" => Kind::Guid,
        "SERVERPROPERTY" | "CONNECTIONPROPERTY" | "DATABASEPROPERTYEX" | "SESSIONPROPERTY" => Kind::Variant,
        "QUOTENAME" => Kind::Text(Some(258)),
        "SUSER_SNAME" | "SUSER_NAME" | "ORIGINAL_LOGIN" | "USER_NAME" | "DB_NAME" | "SCHEMA_NAME" | "HOST_NAME"
        | "APP_NAME" | "OBJECT_NAME" | "OBJECT_SCHEMA_NAME" | "COL_NAME" | "SYSTEM_USER" => Kind::Text(Some(128)),
        "ERROR_MESSAGE" => Kind::Text(Some(4000)),
        _ => Kind::Int,
    })
}
