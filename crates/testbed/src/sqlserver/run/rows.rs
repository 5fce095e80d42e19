//! Rows on their way: variables that are tables, cursors, `INSERT` and `DELETE`.

use super::super::error::SqlError;
use super::super::eval::{Cursor, Scope, Table, TableVariable, select};
use super::super::sql::{Expr, RowsFrom, RowsTo, Statement};
use super::super::value::{Kind, Value};
use super::{Event, Flow, Run};

impl Run<'_> {
    /// Statements about variables that are tables, and about cursors.
    pub(super) fn rows_statement(&mut self, statement: &Statement) -> Result<Flow, SqlError> {
        match statement {
            Statement::DeclareTable(name, columns) => {
                let counts = columns.iter().position(|(_, _, counts)| *counts).map(|at| (at, 0));
                let columns = columns.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect();
                let table = Table { columns, rows: Vec::new() };
                self.own.tables.insert(name.clone(), TableVariable { table, counts });
            }
            Statement::Delete(name, filter) => {
                let count = self.delete(name, filter.as_ref())?;
                self.events.push(Event::Done(Some(count)));
            }
            Statement::DeclareCursor(name, query) => {
                let cursor = Cursor { query: query.clone(), rows: None };
                if self.own.cursors.insert(name.to_lowercase(), cursor).is_some() {
                    return Err(SqlError::new(16915, format!("A cursor with the name '{name}' already exists.")));
                }
            }
            Statement::OpenCursor(name) => {
                let query = self.cursor(name)?.query.clone();
                let mut rows = self.table_of(&query)?.rows;
                rows.reverse();
                self.cursor(name)?.rows = Some(rows);
            }
            Statement::Fetch(name, variables) => self.fetch(name, variables)?,
            Statement::CloseCursor(name) => self.cursor(name)?.rows = None,
            Statement::DeallocateCursor(name) => {
                self.cursor(name)?;
                self.own.cursors.remove(&name.to_lowercase());
            }
            other => return Err(SqlError::unknown(&format!("{other:?}"))),
        }
        Ok(Flow::Next)
    }

    fn table_of(&self, query: &super::super::sql::Query) -> Result<Table, SqlError> {
        let world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        select(query, &Scope::new(&world.catalogue, &world.sessions, self.own))
    }

    fn cursor(&mut self, name: &str) -> Result<&mut Cursor, SqlError> {
        let missing = || SqlError::new(16916, format!("A cursor with the name '{name}' does not exist."));
        self.own.cursors.get_mut(&name.to_lowercase()).ok_or_else(missing)
    }

    fn fetch(&mut self, name: &str, variables: &[String]) -> Result<(), SqlError> {
        let rows = self.cursor(name)?.rows.as_mut().ok_or_else(|| SqlError::new(16917, "Cursor is not open."))?;
        let Some(row) = rows.pop() else {
            self.own.fetch_status = -1;
            return Ok(());
        };
        if row.len() != variables.len() {
            let text =
                "Cursorfetch: The number of variables declared in the INTO list must match that of selected columns.";
            return Err(SqlError::new(16924, text));
        }
        for (variable, value) in variables.iter().zip(row) {
            self.assign(variable, value)?;
        }
        self.own.fetch_status = 0;
        Ok(())
    }

    /// `DELETE @table WHERE …`. Returns how many rows are gone.
    fn delete(&mut self, name: &str, filter: Option<&Expr>) -> Result<u64, SqlError> {
        let missing = || SqlError::of_class(15, 1087, format!("Must declare the table variable \"@{name}\"."));
        let table = self.own.tables.get(name).ok_or_else(missing)?.table.clone();
        let mut kept = Vec::new();
        let world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        for row in &table.rows {
            let bound = [super::super::eval::Bound { alias: name, columns: &table.columns, row: Some(row) }];
            let scope = Scope { rows: &bound, ..Scope::new(&world.catalogue, &world.sessions, self.own) };
            if !filter.is_none_or(|filter| scope.holds(filter) == Ok(true)) {
                // What goes wrong with one row goes wrong with the statement.
                filter.map_or(Ok(true), |filter| scope.holds(filter))?;
                kept.push(row.clone());
            }
        }
        drop(world);
        let gone = table.rows.len() - kept.len();
        if let Some(held) = self.own.tables.get_mut(name) {
            held.table.rows = kept;
        }
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }

    /// `INSERT`. Returns how many rows.
    pub(super) fn insert(&mut self, to: &RowsTo, from: &RowsFrom) -> Result<u64, SqlError> {
        let rows = match from {
            RowsFrom::Values(rows) => {
                let row = |row: &Vec<Expr>| row.iter().map(|expr| self.value(expr)).collect::<Result<Vec<_>, _>>();
                rows.iter().map(row).collect::<Result<Vec<_>, _>>()?
            }
            RowsFrom::Query(query) => self.table_of(query)?.rows,
            RowsFrom::Execute(statement) => {
                let before = std::mem::take(&mut self.events);
                let done = self.one(statement);
                let given = std::mem::replace(&mut self.events, before);
                done?;
                let mut rows = Vec::new();
                for event in given {
                    match event {
                        Event::Rows(table) => rows.extend(table.rows),
                        Event::Error(error) => return Err(error),
                        other => drop(other),
                    }
                }
                rows
            }
        };
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        match to {
            RowsTo::Table(name) => self.insert_rows(name, rows)?,
            RowsTo::Variable(name) => {
                let missing = || SqlError::of_class(15, 1087, format!("Must declare the table variable \"@{name}\"."));
                let held = self.own.tables.get_mut(name).ok_or_else(missing)?;
                for mut row in rows {
                    if let Some((at, last)) = &mut held.counts {
                        *last += 1;
                        row.insert((*at).min(row.len()), Value::Int(*last));
                    }
                    let kinds: Vec<Kind> = held.table.columns.iter().map(|(_, kind)| *kind).collect();
                    held.table.rows.push(fitting(row, &kinds)?);
                }
            }
        }
        Ok(count)
    }
}

/// A row as its table has it.
pub(super) fn fitting(row: Vec<Value>, kinds: &[Kind]) -> Result<Vec<Value>, SqlError> {
    if row.len() != kinds.len() {
        let text = "Column name or number of supplied values does not match table definition.";
        return Err(SqlError::new(213, text));
    }
    row.into_iter().zip(kinds).map(|(value, kind)| value.cast(*kind)).collect()
}
