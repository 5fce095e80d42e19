//! Catalogue views (Microsoft's pages "System catalog views" and "System dynamic management views"): the columns that statements
//! about accounts look at, with their types. A column that is not here is an error, as a name is that nobody has.

mod agent;
mod database;
mod server;
mod sessions;

use super::error::SqlError;
use super::eval::{Scope, Table};
use super::state::Database;
use super::value::{Kind, Value};

/// Makes the rows of a view.
type Rows = fn(&Scope<'_>, &Database) -> Vec<Vec<Value>>;

/// A view: its name, its columns, its rows.
struct View {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    rows: Rows,
}

/// The type of names.
const NAME: Kind = Kind::Text(Some(128));
/// The type of descriptions of types.
const DESCRIPTION: Kind = Kind::Text(Some(60));
/// The type of sids.
const SID: Kind = Kind::Binary(Some(85));

/// What a view or a table holds.
///
/// # Errors
/// 208 where there is none of that name, 916 for a database that the caller may not see into, 229 for a table that it may not
/// read.
pub(crate) fn view(scope: &Scope<'_>, database: Option<&str>, schema: &str, name: &str) -> Result<Table, SqlError> {
    let (catalogue, own) = (scope.catalogue, scope.own);
    let found = catalogue.database(database.unwrap_or(&own.database))?;
    let user = match &own.contained {
        Some((home, user)) if *home == found.name => Some(*user),
        Some(_) => None,
        None => catalogue.user_in(found, own.login),
    };
    let Some(user) = user else { return Err(no_access(&own.login_name, &found.name)) };
    let tables: &[&[View]] = match schema {
        "sys" => &[server::VIEWS, database::VIEWS, sessions::VIEWS],
        "dbo" if found.name == "msdb" => &[agent::VIEWS],
        _ => &[],
    };
    if let Some(view) = tables.iter().flat_map(|views| views.iter()).find(|view| view.name == name) {
        let columns = view.columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        return Ok(Table { columns, rows: (view.rows)(scope, found) });
    }
    if schema == "sys" || schema == "information_schema" {
        return Err(SqlError::unknown(&format!("the view {schema}.{name}")));
    }
    let table = found.object(schema, name)?;
    if !catalogue.may_in(found, user, "SELECT", Some((1, table.id))) {
        return Err(denied("SELECT", name, &found.name, schema));
    }
    let columns = table.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
    Ok(Table { columns, rows: table.rows.clone() })
}

/// The error for a database that one may not be in.
pub(crate) fn no_access(login: &str, database: &str) -> SqlError {
    let text = format!(
        "The server principal \"{login}\" is not able to access the database \"{database}\" under the current security context."
    );
    SqlError::of_class(14, 916, text)
}

/// The error for an object that one may not use.
pub(crate) fn denied(permission: &str, object: &str, database: &str, schema: &str) -> SqlError {
    let text = format!(
        "The {permission} permission was denied on the object '{object}', database '{database}', schema '{schema}'."
    );
    SqlError::of_class(14, 229, text)
}

/// A number or NULL.
fn id(id: Option<i64>) -> Value {
    id.map_or(Value::Null, Value::Int)
}

/// A text or NULL.
fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::text)
}

/// The short form of a right (Microsoft's page of `sys.database_permissions`, column `type`).
fn permission_type(permission: &str) -> &'static str {
    let types = [
        ("CONNECT SQL", "COSQ"),
        ("CONTROL SERVER", "CL  "),
        ("ALTER ANY LOGIN", "ALLG"),
        ("ALTER ANY CONNECTION", "ALCO"),
        ("ALTER ANY SERVER ROLE", "ALSR"),
        ("ALTER ANY ENDPOINT", "ALHE"),
        ("ALTER ANY DATABASE", "ALDB"),
        ("CREATE ANY DATABASE", "CRDB"),
        ("VIEW SERVER STATE", "VWSS"),
        ("VIEW ANY DEFINITION", "VWAD"),
        ("VIEW ANY DATABASE", "VWDB"),
        ("IMPERSONATE ANY LOGIN", "IAL "),
        ("CONTROL", "CL  "),
        ("CONNECT", "CO  "),
        ("SELECT", "SL  "),
        ("INSERT", "IN  "),
        ("UPDATE", "UP  "),
        ("DELETE", "DL  "),
        ("EXECUTE", "EX  "),
        ("REFERENCES", "RF  "),
        ("ALTER", "AL  "),
        ("TAKE OWNERSHIP", "TO  "),
        ("VIEW DEFINITION", "VW  "),
        ("VIEW DATABASE STATE", "VWDS"),
        ("ALTER ANY USER", "ALUS"),
        ("ALTER ANY ROLE", "ALRL"),
        ("ALTER ANY SCHEMA", "ALSM"),
        ("CREATE ROLE", "CRRL"),
        ("CREATE SCHEMA", "CRSM"),
        ("CREATE TABLE", "CRTB"),
        ("IMPERSONATE", "IM  "),
    ];
    // Those that nothing asks for by it are all alike.
    types.iter().find(|(name, _)| *name == permission).map_or("OTHR", |(_, short)| short)
}
