//! Functions, and the values with `@@`.

use super::super::error::SqlError;
use super::super::sql::Expr;
use super::super::state::{new_guid, now};
use super::super::value::{Value, same};
use super::Scope;

/// The version that the stand-in gives itself: one of SQL Server's, so that clients go the way that they go there, with its own
/// name beside it.
pub(crate) const VERSION: [u8; 4] = [16, 0, 0x10, 0x04];
const VERSION_TEXT: &str = "16.0.4100.1";

/// A value with `@@`.
pub(super) fn global(scope: &Scope<'_>, name: &str) -> Result<Value, SqlError> {
    let own = scope.own;
    Ok(match name {
        "spid" => Value::Int(i64::from(own.session)),
        "version" => Value::Text(format!("Stand-in for Microsoft SQL Server, not the product - {VERSION_TEXT} (X64)")),
        "servername" => Value::text(&scope.catalogue.server_name),
        "servicename" => Value::text("MSSQLSERVER"),
        "language" => Value::text("us_english"),
        "trancount" => Value::Int(i64::from(own.transactions)),
        "rowcount" => Value::Int(i64::try_from(own.row_count).unwrap_or(i64::MAX)),
        "error" => Value::Int(own.error.as_ref().map_or(0, |error| i64::from(error.number))),
        "max_precision" => Value::Int(38),
        "fetch_status" => Value::Int(own.fetch_status),
        "microsoftversion" => Value::Int(0x1000_1004),
        "options" => Value::Int(5496),
        "textsize" => Value::Int(2_147_483_647),
        _ => return Err(SqlError::unknown(&format!("@@{name}"))),
    })
}

/// A function.
pub(super) fn call(scope: &Scope<'_>, name: &str, arguments: &[Expr]) -> Result<Value, SqlError> {
    // These have a word as their first argument that is no column.
    if matches!(name, "DATEDIFF" | "DATEDIFF_BIG" | "DATEADD" | "DATEPART") {
        return date(scope, name, arguments);
    }
    let values = arguments.iter().map(|argument| scope.value(argument)).collect::<Result<Vec<_>, _>>()?;
    match name {
        "ISNULL" | "COALESCE" => Ok(values.into_iter().find(|value| *value != Value::Null).unwrap_or(Value::Null)),
        "CONCAT" => Ok(Value::Text(values.iter().map(Value::shown).collect())),
        "GETDATE" | "GETUTCDATE" | "SYSUTCDATETIME" | "SYSDATETIME" | "SYSDATETIMEOFFSET" if values.is_empty() => {
            Ok(Value::Moment(now()))
        }
        "NEWID" => Ok(Value::Text(new_guid())),
        "XACT_STATE" => Ok(Value::Int(i64::from(scope.own.transactions > 0))),
        "ERROR_NUMBER" => Ok(scope.own.error.as_ref().map_or(Value::Null, |error| Value::Int(i64::from(error.number)))),
        "ERROR_MESSAGE" => Ok(scope.own.error.as_ref().map_or(Value::Null, |error| Value::text(&error.text))),
        "ERROR_SEVERITY" => {
            Ok(scope.own.error.as_ref().map_or(Value::Null, |error| Value::Int(i64::from(error.class))))
        }
        "ERROR_STATE" => Ok(scope.own.error.as_ref().map_or(Value::Null, |_| Value::Int(1))),
        _ => match text(name, &values) {
            Some(value) => Ok(value),
            None => identity(scope, name, &values),
        },
    }
}

/// Functions of texts; `None` for others. NULL gives NULL.
fn text(name: &str, values: &[Value]) -> Option<Value> {
    let shown = |at: usize| values.get(at).map(Value::shown).unwrap_or_default();
    let number = |at: usize| match values.get(at) {
        Some(Value::Int(number)) => usize::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    let wants = match name {
        "LOWER" | "UPPER" | "LTRIM" | "RTRIM" | "LEN" | "DATALENGTH" => 1,
        "LEFT" | "RIGHT" | "CHARINDEX" | "NULLIF" => 2,
        "SUBSTRING" | "REPLACE" => 3,
        "QUOTENAME" => values.len(),
        _ => return None,
    };
    if values.len() != wants {
        return None;
    }
    if values.contains(&Value::Null) {
        return Some(Value::Null);
    }
    let count = |text: &str| Value::Int(i64::try_from(text.encode_utf16().count()).unwrap_or(0));
    Some(match name {
        "LOWER" => Value::Text(shown(0).to_lowercase()),
        "UPPER" => Value::Text(shown(0).to_uppercase()),
        "LTRIM" => Value::text(shown(0).trim_start_matches(' ')),
        "RTRIM" => Value::text(shown(0).trim_end_matches(' ')),
        "LEN" => count(shown(0).trim_end_matches(' ')),
        "DATALENGTH" => match &values[0] {
            Value::Binary(bytes) => Value::Int(i64::try_from(bytes.len()).unwrap_or(0)),
            _ => Value::Int(2 * i64::try_from(shown(0).encode_utf16().count()).unwrap_or(0)),
        },
        "LEFT" => Value::Text(shown(0).chars().take(number(1)).collect()),
        "RIGHT" => {
            let skip = shown(0).chars().count().saturating_sub(number(1));
            Value::Text(shown(0).chars().skip(skip).collect())
        }
        "SUBSTRING" => Value::Text(shown(0).chars().skip(number(1).saturating_sub(1)).take(number(2)).collect()),
        "REPLACE" => Value::Text(shown(0).replace(&shown(1), &shown(2))),
        "CHARINDEX" => {
            let (needle, hay) = (shown(0).to_lowercase(), shown(1).to_lowercase());
            Value::Int(hay.find(&needle).map_or(0, |at| i64::try_from(hay[..at].chars().count()).unwrap_or(0) + 1))
        }
        "NULLIF" if values[0].compare(&values[1]).ok().flatten().is_some_and(std::cmp::Ordering::is_eq) => Value::Null,
        "NULLIF" => values[0].clone(),
        // QUOTENAME
        _ => match shown(1).as_str() {
            "'" => Value::Text(format!("'{}'", shown(0).replace('\'', "''"))),
            "\"" => Value::Text(format!("\"{}\"", shown(0).replace('"', "\"\""))),
            _ => Value::Text(format!("[{}]", shown(0).replace(']', "]]"))),
        },
    })
}

/// Functions about who and where one is, and what one may.
fn identity(scope: &Scope<'_>, name: &str, values: &[Value]) -> Result<Value, SqlError> {
    let (catalogue, own) = (scope.catalogue, scope.own);
    let shown = |at: usize| values.get(at).map(Value::shown).unwrap_or_default();
    let database = catalogue.database(&own.database)?;
    let user = own.contained.as_ref().map(|(_, user)| *user).or_else(|| catalogue.user_in(database, own.login));
    let yes = |bit: bool| Value::Int(i64::from(bit));
    Ok(match name {
        "HOST_NAME" => scope.sessions.get(own.session).map_or(Value::Null, |session| Value::text(&session.host)),
        "APP_NAME" => scope.sessions.get(own.session).map_or(Value::Null, |session| Value::text(&session.program)),
        "HAS_DBACCESS" => match catalogue.database(&shown(0)) {
            Ok(found) => yes(catalogue.user_in(found, own.login).is_some()),
            Err(_) => Value::Null,
        },
        "IS_SRVROLEMEMBER" => {
            let login =
                if values.len() > 1 { catalogue.login(&shown(1)).map(|login| login.id) } else { Some(own.login) };
            match (catalogue.principal(&shown(0)), login) {
                (Some(role), Some(login)) => yes(catalogue.roles_of(login).contains(&role.id)),
                _ => Value::Null,
            }
        }
        "IS_ROLEMEMBER" | "IS_MEMBER" => {
            let of = if values.len() > 1 { database.principal(&shown(1)).map(|found| found.id) } else { user };
            match (database.principal(&shown(0)), of) {
                (Some(role), Some(of)) => yes(database.roles_of(of).contains(&role.id)),
                _ => Value::Null,
            }
        }
        "HAS_PERMS_BY_NAME" if values.len() == 3 => permission(scope, &values[0], &shown(1), &shown(2))?,
        "SERVERPROPERTY" => server_property(scope, &shown(0))?,
        "CONNECTIONPROPERTY" => match shown(0).to_lowercase().as_str() {
            "client_net_address" => {
                let session = scope.sessions.get(own.session);
                session.map_or(Value::Null, |session| Value::text(&session.client_address))
            }
            "net_transport" => Value::text("TCP"),
            "auth_scheme" => Value::text("SQL"),
            _ => Value::Null,
        },
        _ => return thing(scope, name, values, user),
    })
}

/// Functions about databases and what is in them.
fn thing(scope: &Scope<'_>, name: &str, values: &[Value], user: Option<i64>) -> Result<Value, SqlError> {
    let (catalogue, none) = (scope.catalogue, values.is_empty());
    let shown = |at: usize| values.get(at).map(Value::shown).unwrap_or_default();
    let database = catalogue.database(&scope.own.database)?;
    Ok(match name {
        "DB_NAME" if none => Value::text(&database.name),
        "DB_NAME" => match values.first() {
            Some(Value::Int(id)) => {
                let found = catalogue.databases.iter().find(|database| database.id == *id);
                found.map_or(Value::Null, |found| Value::text(&found.name))
            }
            _ => Value::Null,
        },
        "DB_ID" if none => Value::Int(database.id),
        "DB_ID" => catalogue.database(&shown(0)).map_or(Value::Null, |found| Value::Int(found.id)),
        "SCHEMA_ID" => database.schema(&shown(0)).map_or(Value::Null, |found| Value::Int(found.id)),
        "SCHEMA_NAME" => match values.first() {
            Some(Value::Int(id)) => {
                let found = database.schemas.iter().find(|schema| schema.id == *id);
                found.map_or(Value::Null, |found| Value::text(&found.name))
            }
            None => Value::text("dbo"),
            _ => Value::Null,
        },
        "OBJECT_ID" => object_id(scope, &shown(0)),
        "OBJECT_NAME" | "OBJECT_SCHEMA_NAME" => {
            let found = database.objects.iter().find(|object| values.first() == Some(&Value::Int(object.id)));
            found.map_or(Value::Null, |object| {
                let schema = database.schemas.iter().find(|schema| schema.id == object.schema);
                if name == "OBJECT_NAME" {
                    Value::text(&object.name)
                } else {
                    schema.map_or(Value::Null, |schema| Value::text(&schema.name))
                }
            })
        }
        "DATABASEPROPERTYEX" => match (catalogue.database(&shown(0)), shown(1).to_lowercase().as_str()) {
            (Err(_), _) => Value::Null,
            (Ok(_), "updateability") => Value::text("READ_WRITE"),
            (Ok(_), "status") => Value::text("ONLINE"),
            (Ok(_), other) => return Err(SqlError::unknown(&format!("DATABASEPROPERTYEX of {other}"))),
        },
        _ => return principal(scope, name, values, user),
    })
}

/// Functions about logins and users.
fn principal(scope: &Scope<'_>, name: &str, values: &[Value], user: Option<i64>) -> Result<Value, SqlError> {
    let (catalogue, own) = (scope.catalogue, scope.own);
    let shown = |at: usize| values.get(at).map(Value::shown).unwrap_or_default();
    let none = values.is_empty();
    let database = catalogue.database(&own.database)?;
    Ok(match name {
        "SUSER_SNAME" | "SUSER_NAME" | "ORIGINAL_LOGIN" | "SYSTEM_USER" if none => Value::text(&own.login_name),
        "SUSER_SNAME" => match values.first() {
            Some(Value::Binary(sid)) => catalogue.by_sid(sid).map_or(Value::Null, |found| Value::text(&found.name)),
            _ => Value::Null,
        },
        "SUSER_SID" if none => catalogue.by_id(own.login).map_or(Value::Null, |found| Value::Binary(found.sid.clone())),
        "SUSER_SID" => catalogue.login(&shown(0)).map_or(Value::Null, |found| Value::Binary(found.sid.clone())),
        "SUSER_ID" => catalogue.principal(&shown(0)).map_or(Value::Null, |found| Value::Int(found.id)),
        "USER_NAME" | "CURRENT_USER" if none => {
            user.and_then(|user| database.by_id(user)).map_or(Value::Null, |found| Value::text(&found.name))
        }
        "USER_NAME" => match values.first() {
            Some(Value::Int(id)) => database.by_id(*id).map_or(Value::Null, |found| Value::text(&found.name)),
            _ => Value::Null,
        },
        "USER_ID" | "DATABASE_PRINCIPAL_ID" if none => user.map_or(Value::Null, Value::Int),
        "USER_ID" | "DATABASE_PRINCIPAL_ID" => {
            database.principal(&shown(0)).map_or(Value::Null, |found| Value::Int(found.id))
        }
        _ => return Err(SqlError::unknown(&format!("the function {name}"))),
    })
}

/// Whether the caller has a right: on the server, on a database, or on something in the current one.
fn permission(scope: &Scope<'_>, securable: &Value, class: &str, permission: &str) -> Result<Value, SqlError> {
    let (catalogue, own) = (scope.catalogue, scope.own);
    let permission = permission.to_uppercase();
    let parts = name_parts(&securable.shown());
    let last = parts.last().cloned().unwrap_or_default();
    let here = catalogue.database(&own.database)?;
    let user = own.contained.as_ref().map(|(_, user)| *user).or_else(|| catalogue.user_in(here, own.login));
    let may_here = |on| user.is_some_and(|user| catalogue.may_in(here, user, &permission, on));
    let has = match class.to_uppercase().as_str() {
        "" | "SERVER" => catalogue.may(own.login, &permission),
        "DATABASE" => {
            let name = if *securable == Value::Null { own.database.clone() } else { last };
            let Ok(database) = catalogue.database(&name) else { return Ok(Value::Null) };
            let user = if database.id == here.id { user } else { catalogue.user_in(database, own.login) };
            user.is_some_and(|user| catalogue.may_in(database, user, &permission, None))
        }
        "LOGIN" | "SERVER ROLE" => {
            let Some(found) = catalogue.principal(&last) else { return Ok(Value::Null) };
            catalogue.may_on_principal(own.login, found.id, &permission)
        }
        "ROLE" | "USER" => {
            let Some(found) = here.principal(&last) else { return Ok(Value::Null) };
            may_here(Some((4, found.id)))
        }
        "OBJECT" if parts.len() == 3 && parts[0].eq_ignore_ascii_case("msdb") => {
            let msdb = catalogue.database("msdb")?;
            // Everybody in the Agent's roles sees jobs through the view, and only the owner of the database the table.
            let user = catalogue.user_in(msdb, own.login);
            let view = last.eq_ignore_ascii_case("sysjobs_view");
            user.is_some_and(|user| user == 1 || view && msdb.roles_of(user).iter().any(|id| (5..=7).contains(id)))
        }
        "OBJECT" => {
            let schema = if parts.len() > 1 { parts[parts.len() - 2].clone() } else { "dbo".to_owned() };
            let Ok(found) = here.object(&schema, &last) else { return Ok(Value::Null) };
            may_here(Some((1, found.id)))
        }
        _ => return Err(SqlError::unknown(&format!("HAS_PERMS_BY_NAME for the class {class}"))),
    };
    Ok(Value::Int(i64::from(has)))
}

/// The parts of a name, without their brackets.
fn name_parts(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' if part.is_empty() && !quoted => quoted = true,
            ']' if quoted && chars.peek() == Some(&']') => {
                chars.next();
                part.push(']');
            }
            ']' if quoted => quoted = false,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

fn server_property(scope: &Scope<'_>, name: &str) -> Result<Value, SqlError> {
    Ok(match name.to_lowercase().as_str() {
        "productversion" => Value::text(VERSION_TEXT),
        "productmajorversion" => Value::text("16"),
        "productlevel" => Value::text("RTM"),
        "edition" => Value::text("Stand-in, not SQL Server"),
        "engineedition" => Value::Int(2),
        "servername" | "machinename" => Value::text(&scope.catalogue.server_name),
        "instancename" => Value::Null,
        "collation" => Value::text("SQL_Latin1_General_CP1_CI_AS"),
        "isintegratedsecurityonly" | "isclustered" | "ishadrenabled" | "issingleuser" => Value::Int(0),
        other => return Err(SqlError::unknown(&format!("SERVERPROPERTY('{other}')"))),
    })
}

fn object_id(scope: &Scope<'_>, name: &str) -> Value {
    let parts = name_parts(name);
    let (database, schema, object) = match parts.as_slice() {
        [object] => (&scope.own.database, "dbo", object),
        [schema, object] => (&scope.own.database, schema.as_str(), object),
        [database, schema, object] => (database, schema.as_str(), object),
        _ => return Value::Null,
    };
    let found = scope.catalogue.database(database).and_then(|database| database.object(schema, object));
    found.map_or(Value::Null, |found| Value::Int(found.id))
}

/// Differences of times and sums with them.
fn date(scope: &Scope<'_>, name: &str, arguments: &[Expr]) -> Result<Value, SqlError> {
    // The stand-in lives in UTC.
    if let ("DATEPART", [Expr::Column(None, part), _]) = (name, arguments)
        && part.eq_ignore_ascii_case("TZOFFSET")
    {
        return Ok(Value::Int(0));
    }
    let [Expr::Column(None, part), first, second] = arguments else {
        return Err(SqlError::unknown(&format!("the arguments of {name}")));
    };
    let units = [
        (&["millisecond", "ms"][..], 1),
        (&["second", "ss", "s"], 1000),
        (&["minute", "mi", "n"], 60_000),
        (&["hour", "hh"], 3_600_000),
        (&["day", "dd", "d"], 86_400_000),
    ];
    if name == "DATEDIFF_BIG" && ["microsecond", "mcs"].iter().any(|name| same(name, part)) {
        return Ok(match (moment_of(scope, first)?, moment_of(scope, second)?) {
            (Some(from), Some(to)) => Value::Int((to - from) * 1000),
            _ => Value::Null,
        });
    }
    let unit = units.iter().find(|(names, _)| names.iter().any(|name| same(name, part))).map(|(_, ms)| *ms);
    let unit: i64 = unit.ok_or_else(|| SqlError::unknown(&format!("{name} in {part}")))?;
    let moment = |expr: &Expr| moment_of(scope, expr);
    if name == "DATEADD" {
        let (Value::Int(count), Some(from)) = (scope.value(first)?, moment(second)?) else { return Ok(Value::Null) };
        return Ok(Value::Moment(from + count * unit));
    }
    let (Some(from), Some(to)) = (moment(first)?, moment(second)?) else { return Ok(Value::Null) };
    // It counts how often the unit begins in between.
    let difference = to.div_euclid(unit) - from.div_euclid(unit);
    if name == "DATEDIFF" && i32::try_from(difference).is_err() {
        return Err(SqlError::new(535, "The datediff function resulted in an overflow."));
    }
    Ok(Value::Int(difference))
}

/// The value of an expression as a moment.
fn moment_of(scope: &Scope<'_>, expr: &Expr) -> Result<Option<i64>, SqlError> {
    match scope.value(expr)?.cast(super::super::value::Kind::DateTime2)? {
        Value::Moment(ms) => Ok(Some(ms)),
        _ => Ok(None),
    }
}
