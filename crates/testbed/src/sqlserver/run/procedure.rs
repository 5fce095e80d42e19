//! Calls of procedures: the table of those that there are, and how arguments are found.

use super::super::error::SqlError;
use super::super::sql::{Argument, ObjectName};
use super::super::value::{Kind, Value};
use super::property::Change;
use super::{Event, Flow, Run};

/// Arguments with their values, in their order.
pub(crate) struct Arguments(pub(crate) Vec<(Option<String>, Value)>);

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
    /// `EXEC name arguments`.
    pub(super) fn execute(&mut self, name: &ObjectName, arguments: &[Argument]) -> Result<Flow, SqlError> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push((argument.name.clone(), self.value(&argument.value)?));
        }
        let outputs: Vec<&Argument> = arguments.iter().filter(|argument| argument.output).collect();
        // `EXEC other.dbo.procedure` runs there.
        let home = self.own.database.clone();
        if let Some(database) = &name.database {
            if !matches!(name.name.to_lowercase().as_str(), "sp_executesql") && !database.eq_ignore_ascii_case("msdb") {
                self.own.database = self.shared.at_once().catalogue.database(database)?.name.clone();
            } else if name.name.eq_ignore_ascii_case("sp_executesql") {
                self.use_database(database)?;
                self.events.pop();
            }
        }
        let done = self.call(&name.name, Arguments(values));
        if name.name.eq_ignore_ascii_case("sp_executesql") && name.database.is_some() {
            self.use_database(&home)?;
            self.events.pop();
        } else {
            self.own.database = home;
        }
        let (flow, output) = done?;
        for argument in outputs {
            let super::Expr::Variable(variable) = &argument.value else { return Err(SqlError::syntax("OUTPUT")) };
            let value = output.clone().ok_or_else(|| SqlError::unknown("an OUTPUT of this procedure"))?;
            self.assign(variable, value)?;
        }
        Ok(flow)
    }

    /// A call, from a statement or from the wire. Returns what it gives back beside results.
    pub(crate) fn call(&mut self, name: &str, arguments: Arguments) -> Result<(Flow, Option<Value>), SqlError> {
        let mut output = None;
        match name.to_lowercase().as_str() {
            "sp_executesql" => return self.execute_sql(&arguments).map(|flow| (flow, None)),
            "sp_addextendedproperty" => self.property(Change::Add, &arguments)?,
            "sp_updateextendedproperty" => self.property(Change::Update, &arguments)?,
            "sp_dropextendedproperty" => self.property(Change::Drop, &arguments)?,
            "sp_add_job" => output = Some(self.add_job(&arguments)?),
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
        Ok((Flow::Next, output))
    }

    /// `sp_executesql`: a statement, the types of its parameters, their values.
    fn execute_sql(&mut self, arguments: &Arguments) -> Result<Flow, SqlError> {
        let names = ["stmt", "params"];
        let statement = arguments.text(&names, "stmt")?;
        let declared = arguments.value(&names, "params").map(|value| value.shown()).unwrap_or_default();
        let kinds = super::sql::parameters(&declared)?;
        let values: Vec<_> = arguments.0.iter().skip(2).collect();
        let mut variables = Vec::new();
        for (at, (name, kind)) in kinds.into_iter().enumerate() {
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
            variables.push((name, kind, value));
        }
        let statements = super::sql::parse(&statement)?;
        self.with_variables(variables, |run| run.all(&statements))
    }
}
