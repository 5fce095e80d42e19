//! Everything that a server knows of accounts and of what they have made, as sorted text: accounts, roles, edges, grants,
//! default roles, the definers of views, routines, triggers and events, the tables that there are, prepared transactions.
//! Take one before and one after, and compare with [`crate::snapshot::diff`].
//!
//! The tables of the database `mysql` are read whole, whatever the version has there, but for those that a server fills by
//! itself (help, logs, statistics) and for moments at which a password was set.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{Flavour, MysqlHandle, Session, quote_identifier};

/// Tables of accounts and what belongs to them; those that a flavour lacks are not read.
const TABLES: [&str; 14] = [
    "user",
    "global_priv",
    "db",
    "tables_priv",
    "columns_priv",
    "procs_priv",
    "proxies_priv",
    "role_edges",
    "roles_mapping",
    "default_roles",
    "global_grants",
    "password_history",
    "event",
    "proc",
];

/// Columns that tell when, and not what.
const MOMENTS: [&str; 5] = ["password_last_changed", "timestamp", "created", "modified", "last_executed"];

/// What the information schema knows of definers, and of what there is.
const VIEWS: [&str; 5] = [
    "SELECT 'view', TABLE_SCHEMA, TABLE_NAME, DEFINER, SECURITY_TYPE, VIEW_DEFINITION FROM information_schema.VIEWS",
    "SELECT 'routine', ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, DEFINER, SECURITY_TYPE, ROUTINE_DEFINITION \
     FROM information_schema.ROUTINES",
    "SELECT 'trigger', TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER, \
     DEFINER, ACTION_STATEMENT FROM information_schema.TRIGGERS",
    "SELECT 'event', EVENT_SCHEMA, EVENT_NAME, DEFINER, EXECUTE_AT, STATUS, EVENT_DEFINITION FROM information_schema.EVENTS",
    "SELECT 'table', TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES",
];

/// What belongs to the server itself and is not read from the information schema.
const OWN: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];

/// Reads it all: a line for each entry, `table | fields`, sorted.
///
/// # Errors
/// When the server cannot be asked.
pub fn take(server: &MysqlHandle) -> Result<String> {
    let mut session = server.root_session()?;
    // What we ask would fill the server's log.
    session.ask("SET SESSION sql_log_off = 1; SET SESSION sql_mode = ''")?;
    let mut lines = Vec::new();
    for (table, columns) in tables(&mut session)? {
        let rows = session.ask(&format!("SELECT {columns} FROM mysql.{}", quote_identifier(&table)))?;
        lines.extend(rows.into_iter().map(|row| format!("{table} | {row}")));
    }
    for view in VIEWS {
        let own = OWN.map(|schema| format!("'{schema}'")).join(", ");
        let schema =
            view.split([' ', ',']).find(|word| word.ends_with("_SCHEMA")).context("a view without a schema")?;
        // Deadlines of accounts stand in the database `mysql`.
        let own = if view.contains("'event'") { "'none'".to_owned() } else { own };
        let rows = session.ask(&format!("{view} WHERE {schema} NOT IN ({own})"))?;
        lines.extend(rows);
    }
    lines.extend(session.ask("XA RECOVER")?.into_iter().map(|row| format!("xa | {row}")));
    if server.flavour == Flavour::MySql {
        let mandatory = session.ask("SELECT @@GLOBAL.mandatory_roles, @@GLOBAL.activate_all_roles_on_login")?;
        lines.extend(mandatory.into_iter().map(|row| format!("roles | {row}")));
    }
    lines.sort();
    Ok(lines.join("\n"))
}

/// The tables that are there, each with the expressions that are read of it.
fn tables(session: &mut Session) -> Result<Vec<(String, String)>> {
    let named = TABLES.map(|table| format!("'{table}'")).join(", ");
    let rows = session.ask(&format!(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE FROM information_schema.COLUMNS c \
         JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) \
         WHERE c.TABLE_SCHEMA = 'mysql' AND t.TABLE_TYPE = 'BASE TABLE' AND c.TABLE_NAME IN ({named}) \
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION"
    ))?;
    let mut tables: Vec<(String, String)> = Vec::new();
    for row in rows {
        let [table, column, kind] = row.split('\t').collect::<Vec<_>>()[..] else { continue };
        if MOMENTS.contains(&column.to_lowercase().as_str()) {
            continue;
        }
        let name = quote_identifier(column);
        let read = match (table, kind) {
            ("global_priv", _) if column == "Priv" => {
                format!("JSON_REMOVE({name}, '$.password_last_changed')")
            }
            (_, "blob" | "longblob" | "mediumblob" | "binary" | "varbinary") => format!("HEX({name})"),
            // Bytes that are no text.
            ("user", _) if column == "authentication_string" => format!("HEX({name})"),
            _ => name,
        };
        match tables.last_mut().filter(|(last, _)| last == table) {
            Some((_, columns)) => {
                let _ = write!(columns, ", {read}");
            }
            None => tables.push((table.to_owned(), read)),
        }
    }
    Ok(tables)
}

/// The sessions of an account that run now, by number.
///
/// # Errors
/// When the server cannot be asked.
pub fn sessions(server: &MysqlHandle, user: &str) -> Result<Vec<u64>> {
    let rows = server.sql(
        "",
        &format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = {} ORDER BY ID",
            super::quote_literal(user)
        ),
    )?;
    rows.lines().map(|row| row.parse().with_context(|| format!("{row:?} is no number"))).collect()
}
