//! Carrying statements out, one after the other, as a session's batch.

mod administrator;
mod authorization;
mod job;
mod permission;
mod principal;
mod procedure;
mod property;
mod role;
mod rows;
mod securable;
mod session;

pub(crate) use administrator::{as_administrator, run_job};
pub(crate) use procedure::Arguments;

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::error::{SqlError, UNKNOWN};
use super::eval::{Own, Scope, Table, select};
use super::sql::{self, Expr, Item, Query, Statement};
use super::value::{Kind, Value};
use super::world::{Shared, World};

/// What a batch gives, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A result.
    Rows(Table),
    /// The end of a statement, with how many rows it had.
    Done(Option<u64>),
    /// Something that is said.
    Info(String),
    /// The database is another.
    Database(String, String),
    Error(SqlError),
    Begun,
    Committed,
    RolledBack,
}

/// What the session's connection can be asked meanwhile.
pub(crate) trait Pause {
    /// Waits, but not longer than the client or a `KILL` lets it. Whether it waited to the end.
    fn wait(&mut self, time: Duration) -> bool;
}

/// How a statement has ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Flow {
    /// The next one may follow.
    Next,
    /// The batch is over.
    Return,
    /// The client wants no more of it.
    Stopped,
}

/// Variables by their names.
pub(crate) type Variables = HashMap<String, (Kind, Value)>;

/// A batch under way.
pub(crate) struct Run<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) own: &'a mut Own,
    pub(crate) events: Vec<Event>,
    pub(crate) pause: &'a mut dyn Pause,
    pub(crate) xact_abort: bool,
    /// How many `TRY` are around the statement.
    tries: u32,
}

/// Errors after which a batch does not go on, wherever they come from.
const ENDS_BATCH: [u32; 6] = [UNKNOWN, 102, 105, 241, 245, 137];

impl<'a> Run<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, own: &'a mut Own, pause: &'a mut dyn Pause) -> Self {
        Self { shared, own, events: Vec::new(), pause, xact_abort: false, tries: 0 }
    }

    /// Carries out a batch. What it comes to is in [`Run::events`].
    pub(crate) fn batch(&mut self, text: &str) -> Flow {
        match sql::parse(text) {
            Ok(statements) => self.all(&statements).unwrap_or_else(|error| self.failed(error)),
            Err(error) => self.failed(error),
        }
    }

    /// An error that ends the batch.
    pub(crate) fn failed(&mut self, error: SqlError) -> Flow {
        self.events.push(Event::Error(error));
        Flow::Return
    }

    /// Statements in their order.
    ///
    /// # Errors
    /// What is to be caught, or ends the batch.
    fn all(&mut self, statements: &[Statement]) -> Result<Flow, SqlError> {
        for statement in statements {
            let done = self.one(statement);
            match done {
                Ok(Flow::Next) => {}
                Ok(flow) => return Ok(flow),
                Err(error) => {
                    self.own.error = Some(error.clone());
                    let thrown = matches!(statement, Statement::Throw(_));
                    if self.tries > 0 || thrown || ENDS_BATCH.contains(&error.number) {
                        return Err(error);
                    }
                    if self.xact_abort {
                        self.end_transaction(false);
                        return Err(error);
                    }
                    self.events.push(Event::Error(error));
                }
            }
        }
        Ok(Flow::Next)
    }

    fn one(&mut self, statement: &Statement) -> Result<Flow, SqlError> {
        match statement {
            Statement::SetOption => {}
            Statement::SetLockTimeout(time) => self.own.lock_timeout = *time,
            Statement::SetXactAbort(on) => self.xact_abort = *on,
            Statement::Return => return Ok(Flow::Return),
            Statement::Block(statements) => return self.all(statements),
            Statement::If(condition, then, otherwise) => {
                return match (self.holds(condition)?, otherwise) {
                    (true, _) => self.one(then),
                    (false, Some(otherwise)) => self.one(otherwise),
                    (false, None) => Ok(Flow::Next),
                };
            }
            Statement::While(condition, body) => {
                let mut rounds = 0;
                while self.holds(condition)? {
                    match self.one(body)? {
                        Flow::Next => {}
                        flow => return Ok(flow),
                    }
                    rounds += 1;
                    if rounds > 10_000 {
                        return Err(SqlError::unknown("a loop of more than 10,000 rounds"));
                    }
                }
                return Ok(Flow::Next);
            }
            Statement::Try(tried, caught) => return self.attempt(tried, caught),
            Statement::Throw(parts) => return Err(self.thrown(parts.as_ref())?),
            Statement::Raise(parts) => return self.raise(parts),
            Statement::Declare(variables) => {
                for (name, kind, value) in variables {
                    let value = value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?;
                    self.own.variables.insert(name.clone(), (*kind, value.cast(*kind)?));
                }
                return Ok(Flow::Next);
            }
            Statement::SetVariable(name, value) => {
                let value = self.value(value)?;
                return self.assign(name, value).map(|()| Flow::Next);
            }
            Statement::Print(text) => {
                let text = self.value(text)?.shown();
                self.events.push(Event::Info(text));
            }
            Statement::Select(query) => return self.query(query),
            Statement::WaitFor(time) => return self.wait_for(time),
            Statement::Execute(result, name, arguments) => return self.execute(result.as_deref(), name, arguments),
            Statement::ExecuteText(text) => {
                let text = self.value(text)?.shown();
                let statements = sql::parse(&text)?;
                return self.with_variables(Vec::new(), |run| run.all(&statements)).map(|(flow, _)| flow);
            }
            Statement::DeclareTable(..)
            | Statement::DeclareCursor(..)
            | Statement::OpenCursor(_)
            | Statement::Fetch(..)
            | Statement::CloseCursor(_)
            | Statement::DeallocateCursor(_)
            | Statement::Delete(..) => return self.rows_statement(statement),
            other => return self.change(other),
        }
        self.events.push(Event::Done(None));
        Ok(Flow::Next)
    }

    /// Statements that change something.
    fn change(&mut self, statement: &Statement) -> Result<Flow, SqlError> {
        match statement {
            Statement::Use(name) => self.use_database(name)?,
            Statement::Begin | Statement::Commit | Statement::Rollback => self.transaction(statement)?,
            Statement::Kill(session) => self.kill(session)?,
            Statement::CreateLogin(name, options) => self.create_login(name, options)?,
            Statement::AlterLogin(name, change) => self.alter_login(name, change)?,
            Statement::DropLogin(name) => self.drop_login(name)?,
            Statement::CreateUser(name, of, schema) => self.create_user(name, of, schema.as_deref())?,
            Statement::AlterUser(name, schema) => self.alter_user(name, schema)?,
            Statement::RenameUser(name, new) => self.rename_user(name, new)?,
            Statement::DropUser(name, if_exists) => self.drop_user(name, *if_exists)?,
            Statement::CreateRole(name, owner) => self.create_role(name, owner.as_deref())?,
            Statement::DropRole(name, if_exists) => self.drop_role(name, *if_exists)?,
            Statement::CreateServerRole(name, owner) => self.create_server_role(name, owner.as_deref())?,
            Statement::DropServerRole(name) => self.drop_server_role(name)?,
            Statement::AlterRole(role, add, member) => self.alter_role(role, *add, member)?,
            Statement::AlterServerRole(role, add, member) => self.alter_server_role(role, *add, member)?,
            Statement::CreateSchema(name, owner) => self.create_schema(name, owner.as_deref())?,
            Statement::DropSchema(name, if_exists) => self.drop_schema(name, *if_exists)?,
            Statement::CreateDatabase(name, contained) => self.create_database(name, *contained)?,
            Statement::DropDatabase(name, if_exists) => self.drop_database(name, *if_exists)?,
            Statement::CreateTable(name, columns) => self.create_table(name, columns)?,
            Statement::DropTable(name, if_exists) => self.drop_table(name, *if_exists)?,
            Statement::Insert(to, from) => {
                let count = self.insert(to, from)?;
                self.own.row_count = count;
                self.events.push(Event::Done(Some(count)));
                return Ok(Flow::Next);
            }
            Statement::CreateTrigger(name) => self.create_trigger(name)?,
            Statement::DisableTrigger(name) => self.disable_trigger(name)?,
            Statement::CreateEndpoint(name) => self.create_endpoint(name)?,
            Statement::DropEndpoint(name) => self.drop_endpoint(name)?,
            Statement::AlterAuthorization(change) => self.alter_authorization(change)?,
            Statement::Permission(change) => self.permission(change)?,
            other => return Err(SqlError::unknown(&format!("{other:?}"))),
        }
        self.events.push(Event::Done(None));
        Ok(Flow::Next)
    }

    fn attempt(&mut self, tried: &[Statement], caught: &[Statement]) -> Result<Flow, SqlError> {
        self.tries += 1;
        let done = self.all(tried);
        self.tries -= 1;
        match done {
            // What the stand-in does not understand is not to be caught and forgotten.
            Err(error) if error.number != UNKNOWN => {
                self.own.error = Some(error);
                self.all(caught)
            }
            done => done,
        }
    }

    fn thrown(&mut self, parts: Option<&[Expr; 3]>) -> Result<SqlError, SqlError> {
        match parts {
            None => self.own.error.clone().ok_or_else(|| SqlError::unknown("THROW outside of CATCH")),
            Some([number, text, _]) => {
                let Value::Int(number) = self.value(number)? else { return Err(SqlError::unknown("THROW")) };
                Ok(SqlError::new(u32::try_from(number).unwrap_or(50_000), self.value(text)?.shown()))
            }
        }
    }

    fn raise(&mut self, parts: &[Expr]) -> Result<Flow, SqlError> {
        let (text, class) = (self.value(&parts[0])?.shown(), self.value(&parts[1])?);
        let Value::Int(class) = class else { return Err(SqlError::unknown("RAISERROR")) };
        let class = u8::try_from(class).unwrap_or(16);
        if class <= 10 {
            self.events.push(Event::Info(text));
            return Ok(Flow::Next);
        }
        Err(SqlError::of_class(class, 50_000, text))
    }

    fn query(&mut self, query: &Query) -> Result<Flow, SqlError> {
        let world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        let table = select(query, &Scope::new(&world.catalogue, &world.sessions, self.own))?;
        drop(world);
        let count = u64::try_from(table.rows.len()).unwrap_or(u64::MAX);
        if matches!(query.items[0], Item::Assign(..)) {
            if let Some(row) = table.rows.last() {
                for (item, value) in query.items.iter().zip(row) {
                    let Item::Assign(name, _) = item else {
                        return Err(SqlError::new(141, "A SELECT that assigns must not return data."));
                    };
                    self.assign(name, value.clone())?;
                }
            }
        } else {
            self.events.push(Event::Rows(table));
        }
        self.own.row_count = count;
        self.events.push(Event::Done(Some(count)));
        Ok(Flow::Next)
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<(), SqlError> {
        let missing = || SqlError::of_class(15, 137, format!("Must declare the scalar variable \"@{name}\"."));
        let (kind, held) = self.own.variables.get_mut(name).ok_or_else(missing)?;
        *held = value.cast(*kind)?;
        Ok(())
    }

    /// The value of an expression.
    pub(crate) fn value(&self, expr: &Expr) -> Result<Value, SqlError> {
        let world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        Scope::new(&world.catalogue, &world.sessions, self.own).value(expr)
    }

    fn holds(&self, expr: &Expr) -> Result<bool, SqlError> {
        self.value(expr).map(|value| value.holds())
    }

    /// `WAITFOR DELAY 'hh:mm:ss'`.
    fn wait_for(&mut self, time: &Expr) -> Result<Flow, SqlError> {
        let text = self.value(time)?.shown();
        let wrong = || SqlError::new(148, format!("Incorrect time syntax in time string '{text}' used with WAITFOR."));
        let (clock, fraction) = text.split_once('.').unwrap_or((&text, "0"));
        let mut ms: u64 = format!("{fraction:0<3}").get(..3).and_then(|ms| ms.parse().ok()).ok_or_else(wrong)?;
        let parts: Vec<u64> =
            clock.split(':').map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        for (part, unit) in parts.iter().zip([3_600_000, 60_000, 1000]) {
            ms += part * unit;
        }
        if !self.pause.wait(Duration::from_millis(ms)) {
            return Ok(Flow::Stopped);
        }
        self.events.push(Event::Done(None));
        Ok(Flow::Next)
    }

    /// The world, to be changed. Within a transaction it can be taken back.
    pub(crate) fn write(&self) -> Result<MutexGuard<'a, World>, SqlError> {
        let mut world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        if self.own.transactions > 0 {
            world.remember(self.own.session);
        }
        Ok(world)
    }

    /// Parameters of a statement become its variables, which are all that it has. Returns them as it leaves them.
    pub(crate) fn with_variables(
        &mut self,
        variables: Vec<(String, Kind, Value)>,
        act: impl FnOnce(&mut Self) -> Result<Flow, SqlError>,
    ) -> Result<(Flow, Variables), SqlError> {
        let mut inner = HashMap::new();
        for (name, kind, value) in variables {
            inner.insert(name, (kind, value.cast(kind)?));
        }
        let outer = std::mem::replace(&mut self.own.variables, inner);
        let tables = std::mem::take(&mut self.own.tables);
        let cursors = std::mem::take(&mut self.own.cursors);
        let done = act(self);
        let left = std::mem::replace(&mut self.own.variables, outer);
        (self.own.tables, self.own.cursors) = (tables, cursors);
        done.map(|flow| (flow, left))
    }
}
