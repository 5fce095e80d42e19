//! The statements that are understood, and by which words each begins: the table of shapes.

use super::super::{error::SqlError, value::Kind};
use super::cursor::Cursor;
use super::{Expr, Query, create, principal, procedural, select};

/// The name of something in a schema, with the database if it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectName {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

/// An argument of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    /// Its name without `@`, if it is given by name.
    pub(crate) name: Option<String>,
    pub(crate) value: Expr,
    /// Whether it is wanted back.
    pub(crate) output: bool,
}

/// What is said of a login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoginOptions {
    pub(crate) password: Option<String>,
    /// In the form in which a server keeps it.
    pub(crate) hashed: Option<Vec<u8>>,
    pub(crate) old_password: Option<String>,
    pub(crate) must_change: bool,
    pub(crate) sid: Option<Vec<u8>>,
    pub(crate) default_database: Option<String>,
    pub(crate) check_policy: Option<bool>,
    pub(crate) check_expiration: Option<bool>,
    pub(crate) name: Option<String>,
}

/// What becomes of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginChange {
    Enable(bool),
    With(LoginOptions),
}

/// Whom a user of a database stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserOf {
    Login(String),
    Nobody,
    /// A user with a password of its own, in a contained database.
    Password(String),
}

/// What is given to another owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorizationOf {
    Schema,
    Role,
    ServerRole,
    Database,
    Endpoint,
    Object,
}

/// `ALTER AUTHORIZATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) class: AuthorizationOf,
    pub(crate) name: ObjectName,
    /// The new owner; none for the owner of the schema.
    pub(crate) to: Option<String>,
}

/// `GRANT`, `DENY` and `REVOKE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    /// `GRANT`, `DENY` or `REVOKE`.
    pub(crate) verb: &'static str,
    /// In upper case.
    pub(crate) permissions: Vec<String>,
    /// The class in upper case and the name, if it is not the server or the database itself.
    pub(crate) on: Option<(String, ObjectName)>,
    pub(crate) to: Vec<String>,
    /// Who is said to have given it.
    pub(crate) by: Option<String>,
}

/// Where rows go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowsTo {
    Table(ObjectName),
    Variable(String),
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowsFrom {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
    /// What a procedure or a text gives.
    Execute(Box<Statement>),
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    /// An option of the session that changes nothing here.
    SetOption,
    /// Whether an error ends batch and transaction.
    SetXactAbort(bool),
    /// How long to wait for others; none for as long as it takes.
    SetLockTimeout(Option<std::time::Duration>),
    SetVariable(String, Expr),
    Use(String),
    Select(Query),
    Declare(Vec<(String, Kind, Option<Expr>)>),
    /// A variable that is a table: its columns, and whether each counts by itself.
    DeclareTable(String, Vec<(String, Kind, bool)>),
    DeclareCursor(String, Query),
    OpenCursor(String),
    /// The cursor, and what the columns of its next row become.
    Fetch(String, Vec<String>),
    CloseCursor(String),
    DeallocateCursor(String),
    Print(Expr),
    If(Expr, Box<Statement>, Option<Box<Statement>>),
    While(Expr, Box<Statement>),
    Block(Vec<Statement>),
    Try(Vec<Statement>, Vec<Statement>),
    Throw(Option<[Expr; 3]>),
    Raise(Vec<Expr>),
    Return,
    Begin,
    Commit,
    Rollback,
    WaitFor(Expr),
    /// The variable that what it returns becomes, the procedure, its arguments.
    Execute(Option<String>, ObjectName, Vec<Argument>),
    ExecuteText(Expr),
    Kill(Expr),
    CreateLogin(String, LoginOptions),
    AlterLogin(String, LoginChange),
    DropLogin(String),
    CreateUser(String, UserOf, Option<String>),
    AlterUser(String, String),
    RenameUser(String, String),
    DropUser(String, bool),
    CreateRole(String, Option<String>),
    DropRole(String, bool),
    CreateServerRole(String, Option<String>),
    DropServerRole(String),
    /// The role, whether a member is added, the member.
    AlterRole(String, bool, String),
    AlterServerRole(String, bool, String),
    CreateSchema(String, Option<String>),
    DropSchema(String, bool),
    CreateDatabase(String, bool),
    DropDatabase(String, bool),
    CreateTable(ObjectName, Vec<(String, Kind)>),
    DropTable(ObjectName, bool),
    Insert(RowsTo, RowsFrom),
    /// Rows of a variable that is a table.
    Delete(String, Option<Expr>),
    CreateTrigger(String),
    DisableTrigger(String),
    CreateEndpoint(String),
    DropEndpoint(String),
    AlterAuthorization(Authorization),
    Permission(Permission),
}

/// Reads what stands behind the words that a statement begins with.
type Reader = fn(&mut Cursor<'_>) -> Result<Statement, SqlError>;

/// The table of shapes: the longer ones first.
const SHAPES: &[(&str, Reader)] = &[
    ("SELECT", |cursor| {
        // Its own reader wants to see the word.
        select::query(cursor).map(Statement::Select)
    }),
    ("WITH", |cursor| select::query(cursor).map(Statement::Select)),
    ("OPEN", |cursor| cursor.name().map(Statement::OpenCursor)),
    ("FETCH NEXT FROM", procedural::fetch),
    ("CLOSE", |cursor| cursor.name().map(Statement::CloseCursor)),
    ("DEALLOCATE", |cursor| cursor.name().map(Statement::DeallocateCursor)),
    ("DELETE", procedural::delete),
    ("SET", procedural::set),
    ("USE", |cursor| cursor.name().map(Statement::Use)),
    ("DECLARE", procedural::declare),
    ("PRINT", procedural::print),
    ("IF", procedural::condition),
    ("WHILE", procedural::repeat),
    ("BEGIN TRY", procedural::attempt),
    ("BEGIN TRANSACTION", procedural::begin),
    ("BEGIN TRAN", procedural::begin),
    ("BEGIN", procedural::block),
    ("COMMIT", |cursor| procedural::end(cursor, Statement::Commit)),
    ("ROLLBACK", |cursor| procedural::end(cursor, Statement::Rollback)),
    ("THROW", procedural::throw),
    ("RAISERROR", procedural::raise),
    ("RETURN", |_| Ok(Statement::Return)),
    ("WAITFOR DELAY", procedural::wait),
    ("EXECUTE", procedural::execute),
    ("EXEC", procedural::execute),
    ("KILL", procedural::kill),
    ("CREATE LOGIN", principal::create_login),
    ("ALTER LOGIN", principal::alter_login),
    ("DROP LOGIN", |cursor| cursor.name().map(Statement::DropLogin)),
    ("CREATE USER", principal::create_user),
    ("ALTER USER", principal::alter_user),
    ("DROP USER", |cursor| create::dropped(cursor, Statement::DropUser)),
    ("CREATE SERVER ROLE", |cursor| create::owned(cursor, Statement::CreateServerRole)),
    ("ALTER SERVER ROLE", |cursor| principal::alter_role(cursor, Statement::AlterServerRole)),
    ("DROP SERVER ROLE", |cursor| cursor.name().map(Statement::DropServerRole)),
    ("CREATE ROLE", |cursor| create::owned(cursor, Statement::CreateRole)),
    ("ALTER ROLE", |cursor| principal::alter_role(cursor, Statement::AlterRole)),
    ("DROP ROLE", |cursor| create::dropped(cursor, Statement::DropRole)),
    ("CREATE SCHEMA", |cursor| create::owned(cursor, Statement::CreateSchema)),
    ("DROP SCHEMA", |cursor| create::dropped(cursor, Statement::DropSchema)),
    ("CREATE DATABASE", create::database),
    ("DROP DATABASE", |cursor| create::dropped(cursor, Statement::DropDatabase)),
    ("CREATE TABLE", create::table),
    ("DROP TABLE", create::drop_table),
    ("INSERT INTO", create::insert),
    ("INSERT", create::insert),
    ("CREATE TRIGGER", create::trigger),
    ("DISABLE TRIGGER", create::disable_trigger),
    ("CREATE ENDPOINT", create::endpoint),
    ("DROP ENDPOINT", |cursor| cursor.name().map(Statement::DropEndpoint)),
    ("ALTER AUTHORIZATION ON", principal::authorization),
    ("GRANT", |cursor| principal::permission(cursor, "GRANT")),
    ("DENY", |cursor| principal::permission(cursor, "DENY")),
    ("REVOKE", |cursor| principal::permission(cursor, "REVOKE")),
];

/// One statement.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let from = *cursor;
    for (words, reader) in SHAPES {
        if !cursor.sees(words) {
            continue;
        }
        if !matches!(*words, "SELECT" | "WITH") {
            cursor.take(words);
        }
        return reader(cursor);
    }
    Err(from.unknown())
}

/// The name of something in a schema.
pub(super) fn object(cursor: &mut Cursor<'_>) -> Result<ObjectName, SqlError> {
    let mut parts = vec![cursor.name()?];
    while cursor.take(".") {
        // `db..name` has the schema left out.
        if cursor.take(".") {
            parts.push("dbo".to_owned());
        }
        parts.push(cursor.name()?);
    }
    let name = parts.pop().unwrap_or_default();
    let schema = parts.pop();
    Ok(ObjectName { database: parts.pop(), schema, name })
}
