//! Calls of procedures: the table of those that there are, and how arguments are found.

use super::super::error::SqlError;
use super::super::sql::{Argument, ObjectName};
use super::super::value::{Kind, Value};
use super::property::Change;
use super::{Event, Flow, Run};

/// Arguments with their values, in their order.
pub(crate) struct Arguments(pub(crate) Vec<(Option<String>, Value)>);

/// What a procedure gives back beside results.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// What it returns: 0 where all went well.
    pub(super) status: i64,
    /// Parameters that it has set, and at which places they are if they may be given without their names.
    outputs: Vec<(String, Value)>,
    places: Vec<usize>,
}

impl Given {
    /// The output with this name or at this place.
    fn output(&self, name: Option<&str>, at: usize) -> Option<Value> {
        let found = match name {
            Some(name) => self.outputs.iter().position(|(other, _)| other.eq_ignore_ascii_case(name)),
            None => self.places.iter().position(|place| *place == at),
        };
        found.map(|found| self.outputs[found].1.clone())
    }
}

impl Arguments {
    /// The value of the argument with this name: by its name, or by its place among all names.
    pub(super) fn value(&self, names: &[&str], name: &str) -> Option<Value> {
        let named =
            self.0.iter().find(|(given, _)| given.as_deref().is_some_and(|given| given.eq_ignore_ascii_case(name)));
        let place = names.iter().position(|other| *other == name);
        let placed = place.and_then(|at| self.0.get(at)).filter(|(given, _)| given.is_none());
        named.or(placed).map(|(_, value)| value.clone())
    }

    /// The same as a text, which has to be there.
    pub(super) fn text(&self, names: &[&str], name: &str) -> Result<String, SqlError> {
        match self.value(names, name) {
            Some(value) if value != Value::Null => Ok(value.shown()),
            _ => {
                let text = format!("Procedure or function expects parameter '@{name}', which was not supplied.");
                Err(SqlError::new(201, text))
            }
        }
    }

    /// The same as a number, if it is there.
    pub(super) fn number(&self, names: &[&str], name: &str) -> Option<i64> {
        match self.value(names, name)?.cast(Kind::BigInt) {
            Ok(Value::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// Checks that nothing else is given, which would be left out silently.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), SqlError> {
        let strange =
            self.0.iter().find_map(|(given, _)| given.as_ref().filter(|given| !names.contains(&given.as_str())));
        match strange {
            Some(name) => Err(SqlError::unknown(&format!("the argument @{name} of a procedure"))),
            None if self.0.len() > names.len() => Err(SqlError::unknown("so many arguments of a procedure")),
            None => Ok(()),
        }
    }
}

impl Run<'_> {
    /// `EXEC [@result =] name arguments`.
    pub(super) fn execute(
        &mut self,
        result: Option<&str>,
        name: &ObjectName,
        arguments: &[Argument],
    ) -> Result<Flow, SqlError> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push((argument.name.clone(), self.value(&argument.value)?));
        }
        // What stands in another database runs there.
        let home = self.own.database.clone();
        let elsewhere = name.database.as_ref().filter(|database| !database.eq_ignore_ascii_case(&home));
        if let Some(database) = elsewhere {
            self.go(database)?;
        }
        let done = self.call(&name.name, Arguments(values));
        if elsewhere.is_some() {
            self.go(&home)?;
        }
        let (flow, given) = done?;
        if let Some(variable) = result {
            self.assign(variable, Value::Int(given.status))?;
        }
        for argument in arguments.iter().filter(|argument| argument.output) {
            let super::Expr::Variable(variable) = &argument.value else { return Err(SqlError::syntax("OUTPUT")) };
            let at = arguments.iter().position(|other| std::ptr::eq(other, argument)).unwrap_or(0);
            let value = given.output(argument.name.as_deref(), at);
            self.assign(variable, value.ok_or_else(|| SqlError::unknown("an OUTPUT of this procedure"))?)?;
        }
        Ok(flow)
    }

    /// Goes to another database without a word to the client.
    fn go(&mut self, database: &str) -> Result<(), SqlError> {
        self.use_database(database)?;
        self.events.pop();
        Ok(())
    }

    /// A call, from a statement or from the wire. Returns what it gives back beside results.
    pub(crate) fn call(&mut self, name: &str, arguments: Arguments) -> Result<(Flow, Given), SqlError> {
        let mut given = Given::default();
        match name.to_lowercase().as_str() {
            "sp_executesql" => return self.execute_sql(&arguments),
            "sp_getapplock" => given.status = self.application_lock(&arguments)?,
            "sp_addextendedproperty" => self.property(Change::Add, &arguments)?,
            "sp_updateextendedproperty" => self.property(Change::Update, &arguments)?,
            "sp_dropextendedproperty" => self.property(Change::Drop, &arguments)?,
            "sp_add_job" => given.outputs.push(("job_id".to_owned(), self.add_job(&arguments)?)),
            "sp_add_jobstep" => self.add_job_step(&arguments)?,
            "sp_add_jobschedule" => self.add_job_schedule(&arguments)?,
            "sp_add_jobserver" => self.add_job_server(&arguments)?,
            "sp_update_job" => self.update_job(&arguments)?,
            "sp_delete_job" => self.delete_job(&arguments)?,
            "sp_addrolemember" | "sp_droprolemember" => {
                let names = ["rolename", "membername"];
                arguments.only(&names)?;
                let (role, member) = (arguments.text(&names, "rolename")?, arguments.text(&names, "membername")?);
                self.alter_role(&role, name.to_lowercase().contains("add"), &member)?;
            }
            "sp_addsrvrolemember" | "sp_dropsrvrolemember" => {
                let names = ["loginame", "rolename"];
                arguments.only(&names)?;
                let (login, role) = (arguments.text(&names, "loginame")?, arguments.text(&names, "rolename")?);
                self.alter_server_role(&role, name.to_lowercase().contains("add"), &login)?;
            }
            _ => {
                let text = format!("the procedure {name}");
                return Err(SqlError::unknown(&text));
            }
        }
        self.events.push(Event::Done(None));
        Ok((Flow::Next, given))
    }

    /// `sp_getapplock`: 0 if the lock was free, -1 if somebody else kept it too long.
    fn application_lock(&mut self, arguments: &Arguments) -> Result<i64, SqlError> {
        let names = ["Resource", "LockMode", "LockOwner", "LockTimeout"].map(str::to_lowercase);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        arguments.only(&names)?;
        let owner =
            arguments.value(&names, "lockowner").map_or_else(|| "Transaction".to_owned(), |value| value.shown());
        if !owner.eq_ignore_ascii_case("Transaction") {
            return Err(SqlError::unknown("sp_getapplock for a session"));
        }
        if self.own.transactions == 0 {
            let text = "The statement or function must be executed in the context of a user transaction.";
            return Err(SqlError::new(3918, text));
        }
        let alone = match arguments.text(&names, "lockmode")?.to_lowercase().as_str() {
            "exclusive" => true,
            "shared" => false,
            other => return Err(SqlError::unknown(&format!("sp_getapplock with the mode {other}"))),
        };
        let ms = arguments.number(&names, "locktimeout").and_then(|ms| u64::try_from(ms).ok()).unwrap_or(30_000);
        let name = format!("{}/{}", self.own.database.to_lowercase(), arguments.text(&names, "resource")?);
        let got = self.shared.lock(&name, self.own.session, alone, std::time::Duration::from_millis(ms));
        Ok(if got { 0 } else { -1 })
    }

    /// `sp_executesql`: a statement, the types of its parameters, their values.
    fn execute_sql(&mut self, arguments: &Arguments) -> Result<(Flow, Given), SqlError> {
        let names = ["stmt", "params"];
        let statement = arguments.text(&names, "stmt")?;
        let declared = arguments.value(&names, "params").map(|value| value.shown()).unwrap_or_default();
        let kinds = super::sql::parameters(&declared)?;
        let values: Vec<_> = arguments.0.iter().skip(2).collect();
        let mut variables = Vec::new();
        let mut outputs = Vec::new();
        for (at, (name, kind, output)) in kinds.into_iter().enumerate() {
            let named = values
                .iter()
                .find(|(given, _)| given.as_deref().is_some_and(|given| given.eq_ignore_ascii_case(&name)));
            let placed = values.get(at).filter(|(given, _)| given.as_deref().is_none_or(str::is_empty));
            let value = named.or(placed).map(|(_, value)| value.clone());
            let missing = || {
                let text = format!("The parameterized query expects the parameter '@{name}', which was not supplied.");
                SqlError::new(8178, text)
            };
            let value = value.ok_or_else(missing)?;
            if output {
                outputs.push((name.clone(), at + 2));
            }
            variables.push((name, kind, value));
        }
        let statements = super::sql::parse(&statement)?;
        // `USE` within holds only within.
        let home = self.own.database.clone();
        let (flow, left) = self.with_variables(variables, |run| run.all(&statements))?;
        if self.own.database != home {
            self.go(&home)?;
        }
        let value = |name: &String| left.get(name).map_or(Value::Null, |(_, value)| value.clone());
        let places = outputs.iter().map(|(_, at)| *at).collect();
        let outputs = outputs.iter().map(|(name, _)| (name.clone(), value(name))).collect();
        Ok((flow, Given { status: 0, outputs, places }))
    }
}
