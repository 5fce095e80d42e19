//! Queries: tables are joined row by row, filtered, and made into results. Catalogues are small.

use std::cmp::Ordering;

use super::super::error::SqlError;
use super::super::sql::{Expr, Item, Named, Query, Source};
use super::super::value::{Kind, Value, same};
use super::super::views;
use super::{Bound, Scope};

/// A result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<(String, Kind)>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// What a query gives.
///
/// # Errors
/// For what is not there, may not be seen, or is not understood.
pub(crate) fn select(query: &Query, outer: &Scope<'_>) -> Result<Table, SqlError> {
    if !query.with.is_empty() {
        let mut named = outer.named.to_vec();
        for one in &query.with {
            let table = named_query(one, &Scope { named: &named, ..*outer })?;
            named.push((one.name.clone(), table));
        }
        let plain = Query { with: Vec::new(), ..query.clone() };
        return select(&plain, &Scope { named: &named, ..*outer });
    }
    let tables = tables(query, outer)?;
    let mut columns = columns(query, &tables, outer)?;
    let kept = joined(query, &tables, outer)?;
    let mut rows = if query.items.iter().any(is_aggregate) {
        let row = aggregates(query, &tables, outer, &kept)?;
        vec![(row, Vec::new())]
    } else {
        let mut rows = Vec::new();
        for row in &kept {
            rows.push(within(query, &tables, outer, row, |scope| {
                let values = project(query, scope)?;
                let keys = keys(query, scope, &columns, &values)?;
                Ok((values, keys))
            })?);
        }
        rows
    };
    sort(&mut rows, &query.order)?;
    let mut rows: Vec<Vec<Value>> = rows.into_iter().map(|(row, _)| row).collect();
    if query.distinct {
        unique(&mut rows);
    }
    if let Some(top) = &query.top {
        let Value::Int(top) = outer.value(top)? else { return Err(SqlError::unknown("TOP of what is no number")) };
        rows.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    }
    if let Some((all, more)) = &query.union {
        let more = select(more, outer)?;
        widen(&mut columns, &more.columns);
        rows.extend(more.rows);
        if !all {
            unique(&mut rows);
        }
    }
    Ok(Table { columns, rows })
}

/// Text of a union is as long as the longest of its parts.
fn widen(columns: &mut [(String, Kind)], more: &[(String, Kind)]) {
    for ((_, kind), (_, other)) in columns.iter_mut().zip(more) {
        if let (Kind::Text(len), Kind::Text(longer)) = (&mut *kind, other) {
            *len = len.zip(*longer).map(|(len, longer)| len.max(longer));
        }
    }
}

/// The rows of the tables that belong together and pass the filter, each as the places in its tables.
fn joined(query: &Query, tables: &[Table], outer: &Scope<'_>) -> Result<Vec<Vec<Option<usize>>>, SqlError> {
    let mut kept: Vec<Vec<Option<usize>>> = vec![Vec::new()];
    for (at, join) in query.from.iter().enumerate() {
        let mut next = Vec::new();
        for row in kept {
            let mut found = false;
            for candidate in 0..tables[at].rows.len() {
                let mut longer = row.clone();
                longer.push(Some(candidate));
                if let Some(on) = &join.on
                    && !within(query, tables, outer, &longer, |scope| scope.holds(on))?
                {
                    continue;
                }
                found = true;
                next.push(longer);
            }
            if !found && join.left {
                let mut longer = row;
                longer.push(None);
                next.push(longer);
            }
        }
        kept = next;
    }
    if let Some(filter) = &query.filter {
        let mut passed = Vec::new();
        for row in kept {
            if within(query, tables, outer, &row, |scope| scope.holds(filter))? {
                passed.push(row);
            }
        }
        kept = passed;
    }
    Ok(kept)
}

/// The result of a query with a name. One that speaks of itself is asked again with what it gave last, until it gives nothing.
fn named_query(one: &Named, outer: &Scope<'_>) -> Result<Table, SqlError> {
    let rename = |mut table: Table| {
        for ((name, _), given) in table.columns.iter_mut().zip(&one.columns) {
            name.clone_from(given);
        }
        table
    };
    let of_itself = |query: &Query| {
        query.from.iter().any(|join| match &join.source {
            Source::View(None, _, name) => same(name, &one.name),
            _ => false,
        })
    };
    let (anchor, more) = match &one.query.union {
        Some((true, more)) if of_itself(more) => (Query { union: None, ..one.query.clone() }, more),
        _ => return select(&one.query, outer).map(rename),
    };
    let mut all = rename(select(&anchor, outer)?);
    let mut last = all.clone();
    // As deep as SQL Server goes.
    for _ in 0..100 {
        if last.rows.is_empty() {
            return Ok(all);
        }
        let mut named = outer.named.to_vec();
        named.push((one.name.clone(), last));
        let next = select(more, &Scope { named: &named, ..*outer })?;
        all.rows.extend(next.rows.iter().cloned());
        last = Table { columns: all.columns.clone(), rows: next.rows };
    }
    Err(SqlError::new(530, "The statement terminated. The maximum recursion 100 has been exhausted."))
}

/// The columns of a query, without its rows.
pub(super) fn columns_of(query: &Query, outer: &Scope<'_>) -> Result<Vec<(String, Kind)>, SqlError> {
    let mut columns = columns(query, &tables(query, outer)?, outer)?;
    if let Some((_, more)) = &query.union {
        widen(&mut columns, &columns_of(more, outer)?);
    }
    Ok(columns)
}

fn tables(query: &Query, outer: &Scope<'_>) -> Result<Vec<Table>, SqlError> {
    let table = |source: &Source| match source {
        Source::View(database, schema, name) => {
            let named = outer.named.iter().rev().find(|(other, _)| database.is_none() && same(other, name));
            match named {
                Some((_, table)) => Ok(table.clone()),
                None => views::view(outer, database.as_deref(), schema, name),
            }
        }
        Source::Variable(name) => {
            let missing = || SqlError::of_class(15, 1087, format!("Must declare the table variable \"@{name}\"."));
            Ok(outer.own.tables.get(name).ok_or_else(missing)?.table.clone())
        }
        Source::Query(inner) => select(inner, outer),
    };
    query.from.iter().map(|join| table(&join.source)).collect()
}

/// Does something with a row of the joined tables in scope.
fn within<T>(
    query: &Query,
    tables: &[Table],
    outer: &Scope<'_>,
    row: &[Option<usize>],
    act: impl FnOnce(&Scope<'_>) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let bound: Vec<Bound<'_>> = query
        .from
        .iter()
        .zip(tables)
        .zip(row)
        .map(|((join, table), at)| Bound {
            alias: &join.alias,
            columns: &table.columns,
            row: at.and_then(|at| table.rows.get(at)).map(Vec::as_slice),
        })
        .collect();
    act(&Scope { rows: &bound, outer: Some(outer), ..*outer })
}

/// The names and types of what comes out.
fn columns(query: &Query, tables: &[Table], outer: &Scope<'_>) -> Result<Vec<(String, Kind)>, SqlError> {
    let nothing: Vec<Option<usize>> = vec![None; tables.len()];
    within(query, tables, outer, &nothing, |scope| {
        let mut columns = Vec::new();
        for item in &query.items {
            match item {
                Item::All(of) => {
                    for bound in scope.rows.iter().filter(|bound| of.as_ref().is_none_or(|of| same(bound.alias, of))) {
                        columns.extend_from_slice(bound.columns);
                    }
                }
                Item::Expr(expr, alias) => {
                    let name = match (alias, expr) {
                        (Some(alias), _) => alias.clone(),
                        (None, Expr::Column(_, name)) => name.clone(),
                        _ => String::new(),
                    };
                    columns.push((name, scope.kind(expr)?));
                }
                Item::Assign(variable, _) => columns.push((variable.clone(), scope.variable(variable)?.0)),
            }
        }
        Ok(columns)
    })
}

fn project(query: &Query, scope: &Scope<'_>) -> Result<Vec<Value>, SqlError> {
    let mut values = Vec::new();
    for item in &query.items {
        match item {
            Item::All(of) => {
                for bound in scope.rows.iter().filter(|bound| of.as_ref().is_none_or(|of| same(bound.alias, of))) {
                    match bound.row {
                        Some(row) => values.extend_from_slice(row),
                        None => values.extend(bound.columns.iter().map(|_| Value::Null)),
                    }
                }
            }
            Item::Expr(expr, _) | Item::Assign(_, expr) => values.push(scope.value(expr)?),
        }
    }
    Ok(values)
}

/// What a row is ordered by: a number or a name of the result, or an expression.
fn keys(
    query: &Query,
    scope: &Scope<'_>,
    columns: &[(String, Kind)],
    values: &[Value],
) -> Result<Vec<Value>, SqlError> {
    let key = |expr: &Expr| match expr {
        Expr::Literal(Value::Int(number)) => {
            let at = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
            let wrong =
                || SqlError::of_class(15, 108, format!("The ORDER BY position number {number} is out of range."));
            at.and_then(|at| values.get(at)).cloned().ok_or_else(wrong)
        }
        Expr::Column(None, name) => match columns.iter().position(|(column, _)| same(column, name)) {
            Some(at) => Ok(values[at].clone()),
            None => scope.value(expr),
        },
        _ => scope.value(expr),
    };
    query.order.iter().map(|(expr, _)| key(expr)).collect()
}

fn sort(rows: &mut [(Vec<Value>, Vec<Value>)], order: &[(Expr, bool)]) -> Result<(), SqlError> {
    let mut failed = None;
    rows.sort_by(|(_, a), (_, b)| {
        for ((a, b), (_, down)) in a.iter().zip(b).zip(order) {
            // NULL comes first.
            let order = match (a, b) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) => Ordering::Less,
                (_, Value::Null) => Ordering::Greater,
                (a, b) => a
                    .compare(b)
                    .unwrap_or_else(|error| {
                        failed = Some(error);
                        None
                    })
                    .unwrap_or(Ordering::Equal),
            };
            if order != Ordering::Equal {
                return if *down { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    });
    failed.map_or(Ok(()), Err)
}

fn unique(rows: &mut Vec<Vec<Value>>) {
    let mut seen: Vec<Vec<Value>> = Vec::new();
    for row in rows.drain(..) {
        if !seen.contains(&row) {
            seen.push(row);
        }
    }
    *rows = seen;
}

fn is_aggregate(item: &Item) -> bool {
    let Item::Expr(expr, _) = item else { return false };
    match expr {
        Expr::CountAll => true,
        Expr::Call(name, _) => matches!(name.as_str(), "COUNT" | "MAX" | "MIN"),
        _ => false,
    }
}

/// One row of all rows.
fn aggregates(
    query: &Query,
    tables: &[Table],
    outer: &Scope<'_>,
    rows: &[Vec<Option<usize>>],
) -> Result<Vec<Value>, SqlError> {
    let mut values = Vec::new();
    for item in &query.items {
        let Item::Expr(expr, _) = item else { return Err(SqlError::unknown("aggregates beside other columns")) };
        let (name, argument) = match expr {
            Expr::CountAll => ("COUNT", None),
            Expr::Call(name, arguments) if is_aggregate(item) && arguments.len() == 1 => {
                (name.as_str(), arguments.first())
            }
            _ => return Err(SqlError::unknown("aggregates beside other columns")),
        };
        let (mut count, mut best) = (0, Value::Null);
        for row in rows {
            let Some(argument) = argument else {
                count += 1;
                continue;
            };
            let value = within(query, tables, outer, row, |scope| scope.value(argument))?;
            if value == Value::Null {
                continue;
            }
            count += 1;
            let wanted = if name == "MAX" { Ordering::Greater } else { Ordering::Less };
            if best == Value::Null || value.compare(&best)? == Some(wanted) {
                best = value;
            }
        }
        values.push(if name == "COUNT" { Value::Int(count) } else { best });
    }
    Ok(values)
}
