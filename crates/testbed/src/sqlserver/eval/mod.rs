//! What expressions and queries come to. Nothing here changes anything.

mod functions;
mod kinds;
mod select;

pub(crate) use functions::VERSION;
pub(crate) use select::{Table, select};

use std::cmp::Ordering;
use std::collections::HashMap;

use super::error::SqlError;
use super::sql::{Expr, Op};
use super::state::{Catalogue, Sessions};
use super::value::{Kind, Value, fold, same};

/// What a session has of its own while it runs a batch.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) session: u16,
    pub(crate) login: i64,
    pub(crate) login_name: String,
    pub(crate) database: String,
    /// For a user with a password of its own: the only database that it can be in.
    pub(crate) contained: Option<(String, i64)>,
    pub(crate) variables: HashMap<String, (Kind, Value)>,
    /// Variables that are tables.
    pub(crate) tables: HashMap<String, TableVariable>,
    /// Cursors: the rows that are left, the next one last. `None` before it is opened.
    pub(crate) cursors: HashMap<String, Cursor>,
    /// Whether the last `FETCH` found a row: 0 if it did.
    pub(crate) fetch_status: i64,
    /// How long it waits for others.
    pub(crate) lock_timeout: Option<std::time::Duration>,
    pub(crate) transactions: u32,
    pub(crate) row_count: u64,
    pub(crate) error: Option<SqlError>,
}

impl Own {
    /// A session's own things at its beginning.
    pub(crate) fn new(session: u16, login: i64, login_name: &str, database: &str) -> Self {
        Self {
            session,
            login,
            login_name: login_name.to_owned(),
            database: database.to_owned(),
            contained: None,
            variables: HashMap::new(),
            tables: HashMap::new(),
            cursors: HashMap::new(),
            fetch_status: 0,
            lock_timeout: None,
            transactions: 0,
            row_count: 0,
            error: None,
        }
    }
}

/// A variable that is a table.
#[derive(Debug, Clone)]
pub(crate) struct TableVariable {
    pub(crate) table: Table,
    /// The column that counts by itself, and its last number.
    pub(crate) counts: Option<(usize, i64)>,
}

/// A cursor.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    pub(crate) query: super::sql::Query,
    pub(crate) rows: Option<Vec<Vec<Value>>>,
}

/// What expressions are evaluated in.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) sessions: &'a Sessions,
    pub(crate) own: &'a Own,
    /// The rows that are looked at, each with the name of its table and its columns.
    pub(crate) rows: &'a [Bound<'a>],
    /// Queries with names in front of the one that is run, with their results.
    pub(crate) named: &'a [(String, Table)],
    /// The scope of the query around this one.
    pub(crate) outer: Option<&'a Scope<'a>>,
}

/// A row of a table in a query.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) alias: &'a str,
    pub(crate) columns: &'a [(String, Kind)],
    /// None where a left join found nothing.
    pub(crate) row: Option<&'a [Value]>,
}

impl<'a> Scope<'a> {
    /// A scope without rows.
    pub(crate) fn new(catalogue: &'a Catalogue, sessions: &'a Sessions, own: &'a Own) -> Self {
        Self { catalogue, sessions, own, rows: &[], named: &[], outer: None }
    }

    /// The type and the value of a column.
    fn column(&self, table: Option<&str>, name: &str) -> Result<(Kind, Value), SqlError> {
        let mut found = None;
        for bound in self.rows.iter().filter(|bound| table.is_none_or(|table| same(bound.alias, table))) {
            let Some(at) = bound.columns.iter().position(|(column, _)| same(column, name)) else { continue };
            if found.is_some() {
                return Err(SqlError::new(209, format!("Ambiguous column name '{name}'.")));
            }
            let value = bound.row.and_then(|row| row.get(at)).cloned().unwrap_or(Value::Null);
            found = Some((bound.columns[at].1, value));
        }
        match (found, self.outer) {
            (Some(found), _) => Ok(found),
            (None, Some(outer)) => outer.column(table, name),
            (None, None) => Err(SqlError::new(207, format!("Invalid column name '{name}'."))),
        }
    }

    /// The value of an expression. A condition is a bit, or NULL where it is not known.
    pub(crate) fn value(&self, expr: &Expr) -> Result<Value, SqlError> {
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Column(table, name) => self.column(table.as_deref(), name).map(|(_, value)| value),
            Expr::Variable(name) => self.variable(name).map(|(_, value)| value.clone()),
            Expr::Global(name) => functions::global(self, name),
            Expr::Call(name, arguments) => functions::call(self, name, arguments),
            Expr::CountAll => Err(SqlError::unknown("COUNT(*) within another expression")),
            Expr::Cast(inner, kind) => self.value(inner)?.cast(*kind),
            Expr::Styled(inner, kind, style) => self.value(inner)?.styled(*kind, *style),
            Expr::Collate(inner, _) => self.value(inner),
            Expr::Negative(inner) => match self.value(inner)? {
                Value::Int(number) => Ok(Value::Int(-number)),
                Value::Null => Ok(Value::Null),
                _ => Err(SqlError::unknown("the negative of what is no integer")),
            },
            Expr::Not(inner) => Ok(match self.value(inner)? {
                Value::Bit(bit) => Value::Bit(!bit),
                _ => Value::Null,
            }),
            Expr::IsNull(inner, wanted) => Ok(Value::Bit((self.value(inner)? == Value::Null) == *wanted)),
            Expr::In(inner, list) => {
                let values = list.iter().map(|expr| self.value(expr)).collect::<Result<Vec<_>, _>>()?;
                among(&self.value(inner)?, &values)
            }
            Expr::InQuery(inner, query) => {
                let table = select(query, self)?;
                let values: Vec<Value> = table.rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
                among(&self.value(inner)?, &values)
            }
            Expr::Exists(query) => Ok(Value::Bit(!select(query, self)?.rows.is_empty())),
            Expr::Scalar(query) => {
                let mut rows = select(query, self)?.rows;
                if rows.len() > 1 {
                    return Err(SqlError::new(512, "Subquery returned more than 1 value."));
                }
                Ok(rows.pop().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
            }
            Expr::Case(branches, otherwise) => {
                for (condition, value) in branches {
                    if self.value(condition)?.holds() {
                        return self.value(value);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |value| self.value(value))
            }
            Expr::Binary(op, left, right) => self.binary(*op, left, right),
        }
    }

    /// A variable with its type.
    pub(crate) fn variable(&self, name: &str) -> Result<&(Kind, Value), SqlError> {
        let missing = || SqlError::of_class(15, 137, format!("Must declare the scalar variable \"@{name}\"."));
        self.own.variables.get(name).ok_or_else(missing)
    }

    /// The type of an expression, as its result has it.
    pub(crate) fn kind(&self, expr: &Expr) -> Result<Kind, SqlError> {
        kinds::kind(self, expr)
    }

    /// Whether a condition holds; what is not known does not.
    pub(crate) fn holds(&self, expr: &Expr) -> Result<bool, SqlError> {
        self.value(expr).map(|value| value.holds())
    }

    fn binary(&self, op: Op, left: &Expr, right: &Expr) -> Result<Value, SqlError> {
        let exact = [left, right].iter().any(|side| matches!(side, Expr::Collate(_, true)));
        let left = self.value(left)?;
        // What stands behind is not looked at where it makes no difference.
        match (op, &left) {
            (Op::And, Value::Bit(false)) => return Ok(Value::Bit(false)),
            (Op::Or, Value::Bit(true)) => return Ok(Value::Bit(true)),
            _ => {}
        }
        let right = self.value(right)?;
        match op {
            Op::And => Ok(match (left, right) {
                (_, Value::Bit(false)) => Value::Bit(false),
                (Value::Bit(true), Value::Bit(true)) => Value::Bit(true),
                _ => Value::Null,
            }),
            Op::Or => Ok(match (left, right) {
                (_, Value::Bit(true)) => Value::Bit(true),
                (Value::Bit(false), Value::Bit(false)) => Value::Bit(false),
                _ => Value::Null,
            }),
            Op::Like => match (&left, &right) {
                (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
                (text, pattern) => like(&fold(&text.shown()), &fold(&pattern.shown())).map(Value::Bit),
            },
            Op::Equal | Op::Unequal | Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
                let order = match (&left, &right) {
                    (Value::Text(a), Value::Text(b)) if exact => {
                        Some(a.trim_end_matches(' ').cmp(b.trim_end_matches(' ')))
                    }
                    _ => left.compare(&right)?,
                };
                let Some(order) = order else { return Ok(Value::Null) };
                Ok(Value::Bit(match op {
                    Op::Equal => order == Ordering::Equal,
                    Op::Unequal => order != Ordering::Equal,
                    Op::Less => order == Ordering::Less,
                    Op::LessOrEqual => order != Ordering::Greater,
                    Op::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
            _ => arithmetic(op, left, right),
        }
    }
}

/// Sums and the like; `+` puts texts together.
fn arithmetic(op: Op, left: Value, right: Value) -> Result<Value, SqlError> {
    let (a, b) = match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Ok(Value::Null),
        (Value::Text(a), Value::Text(b)) if op == Op::Add => return Ok(Value::Text(a + &b)),
        (a, b) => (a.cast(Kind::BigInt)?, b.cast(Kind::BigInt)?),
    };
    let (Value::Int(a), Value::Int(b)) = (a, b) else { return Ok(Value::Null) };
    let result = match op {
        Op::Add => a.checked_add(b),
        Op::Subtract => a.checked_sub(b),
        Op::Multiply => a.checked_mul(b),
        Op::Divide | Op::Modulo if b == 0 => return Err(SqlError::new(8134, "Divide by zero error encountered.")),
        Op::Divide => a.checked_div(b),
        Op::Modulo => a.checked_rem(b),
        _ => Some(a & b),
    };
    result.map(Value::Int).ok_or_else(|| SqlError::new(8115, "Arithmetic overflow error."))
}

/// Whether a value is among others; not known where one of them is NULL.
fn among(value: &Value, list: &[Value]) -> Result<Value, SqlError> {
    let mut unknown = false;
    for other in list {
        match value.compare(other)? {
            Some(Ordering::Equal) => return Ok(Value::Bit(true)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bit(false) })
}

/// `LIKE` with `%`, `_` and characters in brackets.
fn like(text: &str, pattern: &str) -> Result<bool, SqlError> {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    fn fits(text: &[char], pattern: &[char]) -> Result<bool, SqlError> {
        let Some((first, rest)) = pattern.split_first() else { return Ok(text.is_empty()) };
        match first {
            '%' => {
                for skip in 0..=text.len() {
                    if fits(&text[skip..], rest)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            '[' => {
                let end = rest.iter().skip(1).position(|c| *c == ']').map(|at| at + 1);
                let Some(end) = end else { return Err(SqlError::unknown("a LIKE pattern with an open bracket")) };
                let set = &rest[..end];
                if set.len() > 1 && (set.contains(&'-') || set[0] == '^') {
                    return Err(SqlError::unknown("a LIKE pattern with a range"));
                }
                let Some((c, tail)) = text.split_first() else { return Ok(false) };
                if set.contains(c) { fits(tail, &rest[end + 1..]) } else { Ok(false) }
            }
            _ => {
                let Some((c, tail)) = text.split_first() else { return Ok(false) };
                if *first == '_' || first == c { fits(tail, rest) } else { Ok(false) }
            }
        }
    }
    fits(&text, &pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit() {
        for (text, pattern, fits) in [
            ("keeper_abc", "keeper[_]%", true),
            ("keeperxabc", "keeper[_]%", false),
            ("keeperxabc", "keeper_%", true),
            ("", "%", true),
            ("a%b", "a[%]b", true),
            ("ab", "a", false),
        ] {
            assert_eq!(like(text, pattern), Ok(fits), "{text} {pattern}");
        }
        assert!(like("a", "[a-z]").is_err());
    }
}
