//! What a survey reads, before anything is written down or made.

use super::connection::{Admin, Facts, Row, needed, only, text, yes};
use super::sql::{Value, bytes, call, shown};
use super::texts;
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, WallTime};

const DOING: &str = "looking at the server";

/// What the server says of itself, of us and of an account.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) now: WallTime,
    pub(crate) may_alter_logins: bool,
    pub(crate) may_kill: bool,
    pub(crate) may_see_sessions: bool,
    /// Whether it takes Windows log-ins only.
    pub(crate) windows_only: bool,
    /// Whether we can have a job run at the deadline.
    pub(crate) agent: bool,
    pub(crate) account: Option<Login>,
    /// Its databases.
    databases: Vec<Database>,
}

/// A log-in.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) sid: Vec<u8>,
    /// `S` with a password, `U` of Windows, `E` of Entra, and others that nobody is.
    pub(crate) kind: String,
    pub(crate) sysadmin: bool,
}

/// A database, from outside.
#[derive(Debug)]
struct Database {
    name: String,
    online: bool,
    open: bool,
    writable: bool,
}

/// A role, of the server or of a database.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) sid: Vec<u8>,
    pub(crate) fixed: bool,
    pub(crate) may_alter: bool,
    /// Whether the account that was asked for is a direct member.
    pub(crate) is_member: bool,
}

/// What one database says.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) name: String,
    pub(crate) may_alter_users: bool,
    /// Whether we have every right there, as handing over takes.
    pub(crate) may_control: bool,
    /// The users that have the account's SID or its name.
    pub(crate) users: Vec<User>,
    pub(crate) roles: Vec<Role>,
}

/// A user of a database.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) sid: Vec<u8>,
    pub(crate) kind: String,
}

async fn run(admin: &Admin, sql: &str) -> Result<Vec<Vec<Row>>, Failure> {
    admin.run(sql).await.map_err(|trouble| trouble.failure(DOING, ""))
}

fn said<T>(read: Result<T, Trouble>) -> Result<T, Failure> {
    read.map_err(|trouble| trouble.failure(DOING, ""))
}

/// Reads the server, an account of it and roles of it.
pub(crate) async fn server(admin: &Admin, account: &str, roles: &[String]) -> Result<(Server, Vec<Role>), Failure> {
    let home = &admin.facts.home.database;
    let mut sql = call(home, include_str!("sql/databases.sql"), &[]);
    sql.push_str(&call(home, &texts::SERVER, &[("account", "sysname", Value::Text(account))]));
    for role in roles {
        sql.push_str(&call(
            home,
            include_str!("sql/server_role.sql"),
            &[("account", "sysname", Value::Text(account)), ("role", "sysname", Value::Text(role))],
        ));
    }
    let answers = run(admin, &sql).await?;
    said(read_server(&answers, roles.len())).and_then(|(server, found)| {
        let found = roles.iter().zip(found).map(|(name, role)| role.ok_or_else(|| no_server_role(name)));
        Ok((server, found.collect::<Result<_, _>>()?))
    })
}

fn no_server_role(name: &str) -> Failure {
    let text = format!("there is no role {} of the server; one of a database is written `database/role`", shown(name));
    Failure::new(FailureClass::Conflict, text)
}

type Found = (Server, Vec<Option<Role>>);

fn read_server(answers: &[Vec<Row>], roles: usize) -> Result<Found, Trouble> {
    let [databases, first, account, found @ ..] = answers else { return Err(Trouble::Garbled) };
    if found.len() != roles {
        return Err(Trouble::Garbled);
    }
    let row = only(first)?;
    let login = |row: &Row| -> Result<Login, Trouble> {
        Ok(Login { sid: read_sid(row, 0)?, kind: text(row, 1)?.trim().to_owned(), sysadmin: yes(row, 3)? })
    };
    let database = |row: &Row| {
        Ok(Database {
            name: text(row, 0)?.to_owned(),
            online: needed::<i64>(row, 1)? == 0,
            open: yes(row, 2)?,
            writable: yes(row, 3)?,
        })
    };
    let server = Server {
        now: WallTime::from_micros(needed(row, 0)?),
        may_alter_logins: yes(row, 1)?,
        may_kill: yes(row, 2)?,
        may_see_sessions: yes(row, 3)?,
        windows_only: yes(row, 4)?,
        agent: yes(row, 5)?,
        account: account.first().map(login).transpose()?,
        databases: databases.iter().map(database).collect::<Result<_, Trouble>>()?,
    };
    let found = found.iter().map(|rows| rows.first().map(role).transpose()).collect::<Result<_, Trouble>>()?;
    Ok((server, found))
}

fn read_sid(row: &Row, column: usize) -> Result<Vec<u8>, Trouble> {
    bytes(text(row, column)?).filter(|sid| !sid.is_empty()).ok_or(Trouble::Garbled)
}

fn role(row: &Row) -> Result<Role, Trouble> {
    Ok(Role {
        name: text(row, 0)?.to_owned(),
        sid: read_sid(row, 1)?,
        fixed: yes(row, 2)?,
        may_alter: yes(row, 3)?,
        is_member: yes(row, 4)?,
    })
}

impl Server {
    /// Whether a database is there and lets us work in it.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub(crate) fn has_database(&self, name: &str, facts: &Facts) -> Result<(), Failure> {
        // Names of databases follow the server's collation, which mostly does not tell capitals apart.
        let found = self.databases.iter().find(|database| database.name == name);
        let found = found.or_else(|| self.databases.iter().find(|database| database.name.eq_ignore_ascii_case(name)));
        let (class, text) = match found {
            None => (FailureClass::Conflict, format!("there is no database {} on the server", shown(name))),
            Some(database) if !database.online => {
                (FailureClass::Busy, format!("database {} is not online", shown(name)))
            }
            Some(database) if !database.open => (
                FailureClass::NotPermitted,
                format!(
                    "{admin} has no user in database {name}; as a member of sysadmin, in that database: CREATE USER {admin} FOR LOGIN \
                     {admin}; ALTER ROLE [db_owner] ADD MEMBER {admin};",
                    admin = shown(&facts.admin),
                    name = shown(name)
                ),
            ),
            Some(database) if !database.writable => {
                (FailureClass::Conflict, format!("database {} is read-only here", shown(name)))
            }
            Some(_) => return Ok(()),
        };
        Err(Failure::new(class, text))
    }
}

/// Reads databases, each for the users that have a SID or a name and for the roles.
pub(crate) async fn inside(
    admin: &Admin,
    databases: &[String],
    sid: Option<&[u8]>,
    account: &str,
) -> Result<Vec<Inside>, Failure> {
    let mut sql = String::new();
    for database in databases {
        sql.push_str(&call(
            database,
            include_str!("sql/database.sql"),
            &[
                ("sid", "varbinary(85)", sid.map_or(Value::Null, Value::Sid)),
                ("account", "sysname", Value::Text(account)),
            ],
        ));
    }
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let answers = run(admin, &sql).await?;
    let (sets, rest) = answers.as_chunks::<3>();
    if sets.len() != databases.len() || !rest.is_empty() {
        return said(Err(Trouble::Garbled));
    }
    databases
        .iter()
        .zip(sets)
        .map(|(name, [first, users, roles])| said(read_inside(name, first, users, roles)))
        .collect()
}

fn read_inside(name: &str, first: &[Row], users: &[Row], roles: &[Row]) -> Result<Inside, Trouble> {
    let user = |row: &Row| {
        // The user `guest` and others of the server's own have SIDs too; all have one.
        Ok(User { name: text(row, 0)?.to_owned(), sid: read_sid(row, 1)?, kind: text(row, 2)?.trim().to_owned() })
    };
    Ok(Inside {
        name: name.to_owned(),
        may_alter_users: yes(only(first)?, 0)?,
        may_control: yes(only(first)?, 2)?,
        users: users.iter().map(user).collect::<Result<_, Trouble>>()?,
        roles: roles.iter().map(role).collect::<Result<_, Trouble>>()?,
    })
}

impl Inside {
    /// The role of that name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn role(&self, name: &str) -> Result<&Role, Failure> {
        let found = self.roles.iter().find(|role| role.name == name);
        let found = found.or_else(|| self.roles.iter().find(|role| role.name.eq_ignore_ascii_case(name)));
        found.ok_or_else(|| {
            let text = format!("there is no role {} in database {}", shown(name), shown(&self.name));
            Failure::new(FailureClass::Conflict, text)
        })
    }
}

/// What a contained database says: our clock, whether sessions are seen, whether they can be ended.
#[derive(Debug)]
pub(crate) struct Contained {
    pub(crate) now: WallTime,
    pub(crate) may_see_sessions: bool,
    pub(crate) may_kill: bool,
}

/// Reads it.
pub(crate) async fn contained(admin: &Admin) -> Result<Contained, Failure> {
    let answers = run(admin, &call(&admin.facts.home.database, &texts::USER_CHECK, &[])).await?;
    let read = || {
        let row = only(answers.first().ok_or(Trouble::Garbled)?)?;
        Ok(Contained {
            now: WallTime::from_micros(needed(row, 0)?),
            may_see_sessions: yes(row, 1)?,
            may_kill: yes(row, 3)?,
        })
    };
    said(read())
}
