//! Jobs of the Agent: they are rows, and run when a test says so.

use super::super::error::SqlError;
use super::super::state::{Catalogue, Job, JobStep, Schedule, check_name, new_guid, now};
use super::super::value::{Value, same};
use super::Run;
use super::procedure::Arguments;

impl Run<'_> {
    /// `sp_add_job`. Returns the job's id.
    pub(super) fn add_job(&mut self, arguments: &Arguments) -> Result<Value, SqlError> {
        let names = [
            "job_name",
            "enabled",
            "description",
            "start_step_id",
            "category_name",
            "category_id",
            "owner_login_name",
            "notify_level_eventlog",
            "notify_level_email",
            "notify_level_netsend",
            "notify_level_page",
            "notify_email_operator_name",
            "notify_netsend_operator_name",
            "notify_page_operator_name",
            "delete_level",
            "job_id",
        ];
        arguments.only(&names)?;
        let name = arguments.text(&names, "job_name")?;
        check_name(&name)?;
        let mut world = self.write()?;
        self.may_use_agent(&world.catalogue, "sp_add_job")?;
        if world.catalogue.job(&name).is_some() {
            return Err(SqlError::new(14261, format!("The specified @name ('{name}') already exists.")));
        }
        let owner = match arguments.value(&names, "owner_login_name") {
            Some(owner) if owner != Value::Null => owner.shown(),
            _ => self.own.login_name.clone(),
        };
        let missing = || SqlError::new(14234, format!("The specified '@owner_login_name' ('{owner}') is invalid."));
        let owner_sid = world.catalogue.login(&owner).ok_or_else(missing)?.sid.clone();
        let description = arguments.value(&names, "description").map(|value| value.shown()).unwrap_or_default();
        let id = new_guid();
        world.catalogue.jobs.push(Job {
            id: id.clone(),
            name,
            enabled: arguments.number(&names, "enabled").unwrap_or(1) != 0,
            description,
            owner_sid,
            delete_level: arguments.number(&names, "delete_level").unwrap_or(0),
            steps: Vec::new(),
            schedules: Vec::new(),
            targeted: false,
            created: now(),
        });
        Ok(Value::Text(id))
    }

    /// `sp_add_jobstep`.
    pub(super) fn add_job_step(&mut self, arguments: &Arguments) -> Result<(), SqlError> {
        let names = [
            "job_id",
            "job_name",
            "step_id",
            "step_name",
            "subsystem",
            "command",
            "additional_parameters",
            "cmdexec_success_code",
            "on_success_action",
            "on_success_step_id",
            "on_fail_action",
            "on_fail_step_id",
            "server",
            "database_name",
            "database_user_name",
            "retry_attempts",
            "retry_interval",
        ];
        arguments.only(&names)?;
        let subsystem = arguments.value(&names, "subsystem").map_or_else(|| "TSQL".to_owned(), |value| value.shown());
        if !subsystem.eq_ignore_ascii_case("TSQL") {
            return Err(SqlError::unknown(&format!("a step of the subsystem {subsystem}")));
        }
        let step = JobStep {
            name: arguments.text(&names, "step_name")?,
            command: arguments.text(&names, "command")?,
            database: arguments
                .value(&names, "database_name")
                .map_or_else(|| "master".to_owned(), |value| value.shown()),
        };
        self.with_job(&names, arguments, |job, _| job.steps.push(step))
    }

    /// `sp_add_jobschedule`.
    pub(super) fn add_job_schedule(&mut self, arguments: &Arguments) -> Result<(), SqlError> {
        let names = [
            "job_id",
            "job_name",
            "name",
            "enabled",
            "freq_type",
            "freq_interval",
            "freq_subday_type",
            "freq_subday_interval",
            "freq_relative_interval",
            "freq_recurrence_factor",
            "active_start_date",
            "active_end_date",
            "active_start_time",
            "active_end_time",
        ];
        arguments.only(&names)?;
        let number = |name| arguments.number(&names, name);
        let schedule = Schedule {
            id: 0,
            name: arguments.text(&names, "name")?,
            freq_type: number("freq_type").unwrap_or(1),
            start_date: number("active_start_date").unwrap_or(0),
            start_time: number("active_start_time").unwrap_or(0),
        };
        self.with_job(&names, arguments, |job, id| job.schedules.push(Schedule { id, ..schedule }))
    }

    /// `sp_add_jobserver`.
    pub(super) fn add_job_server(&mut self, arguments: &Arguments) -> Result<(), SqlError> {
        let names = ["job_id", "job_name", "server_name"];
        arguments.only(&names)?;
        self.with_job(&names, arguments, |job, _| job.targeted = true)
    }

    /// `sp_update_job`: its owner, and whether it is enabled.
    pub(super) fn update_job(&mut self, arguments: &Arguments) -> Result<(), SqlError> {
        let names = [
            "job_id",
            "job_name",
            "new_name",
            "enabled",
            "description",
            "start_step_id",
            "category_name",
            "owner_login_name",
        ];
        arguments.only(&names)?;
        let owner = match arguments.value(&names, "owner_login_name") {
            Some(owner) if owner != Value::Null => {
                let owner = owner.shown();
                let missing =
                    || SqlError::new(14234, format!("The specified '@owner_login_name' ('{owner}') is invalid."));
                Some(self.shared.at_once().catalogue.login(&owner).ok_or_else(missing)?.sid.clone())
            }
            _ => None,
        };
        let enabled = arguments.number(&names, "enabled");
        let description = arguments.value(&names, "description").filter(|value| *value != Value::Null);
        let new_name = arguments.value(&names, "new_name").filter(|value| *value != Value::Null);
        self.with_job(&names, arguments, |job, _| {
            if let Some(sid) = owner {
                job.owner_sid = sid;
            }
            if let Some(enabled) = enabled {
                job.enabled = enabled != 0;
            }
            if let Some(description) = description {
                job.description = description.shown();
            }
            if let Some(name) = new_name {
                job.name = name.shown();
            }
        })
    }

    /// `sp_delete_job`.
    pub(super) fn delete_job(&mut self, arguments: &Arguments) -> Result<(), SqlError> {
        let names = ["job_id", "job_name", "originating_server", "delete_history", "delete_unused_schedule"];
        arguments.only(&names)?;
        let mut found = None;
        self.with_job(&names, arguments, |job, _| found = Some(job.id.clone()))?;
        self.write()?.catalogue.jobs.retain(|job| Some(&job.id) != found.as_ref());
        Ok(())
    }

    /// Does something to the job that the arguments name, with a new id at hand. Whoever is no administrator sees only jobs of
    /// one's own.
    fn with_job(&self, names: &[&str], arguments: &Arguments, act: impl FnOnce(&mut Job, i64)) -> Result<(), SqlError> {
        let mut world = self.write()?;
        self.may_use_agent(&world.catalogue, "sp_update_job")?;
        let all = world.catalogue.is_sysadmin(self.own.login);
        let sid = world.catalogue.by_id(self.own.login).map(|login| login.sid.clone()).unwrap_or_default();
        let fresh = world.catalogue.new_id();
        let id = arguments.value(names, "job_id").filter(|value| *value != Value::Null).map(|value| value.shown());
        let name = arguments.value(names, "job_name").filter(|value| *value != Value::Null).map(|value| value.shown());
        let wanted = |job: &Job| match (&id, &name) {
            (Some(id), _) => job.id.eq_ignore_ascii_case(id),
            (None, Some(name)) => same(&job.name, name),
            (None, None) => false,
        };
        let found = world.catalogue.jobs.iter_mut().find(|job| wanted(job) && (all || job.owner_sid == sid));
        let missing = || {
            let shown = name.clone().or(id.clone()).unwrap_or_default();
            SqlError::new(14262, format!("The specified @job_name ('{shown}') does not exist."))
        };
        act(found.ok_or_else(missing)?, fresh);
        Ok(())
    }

    /// Whether the session may use the Agent's procedures: administrators, and members of the Agent's roles in `msdb`.
    fn may_use_agent(&self, catalogue: &Catalogue, procedure: &str) -> Result<(), SqlError> {
        let msdb = catalogue.database("msdb")?;
        let user = catalogue.user_in(msdb, self.own.login);
        let roles = user.map(|user| msdb.roles_of(user)).unwrap_or_default();
        let agent = |id: &i64| msdb.by_id(*id).is_some_and(|role| role.name.starts_with("SQLAgent"));
        if user == Some(1) || roles.iter().any(agent) {
            return Ok(());
        }
        let text =
            format!("The EXECUTE permission was denied on the object '{procedure}', database 'msdb', schema 'dbo'.");
        Err(SqlError::of_class(14, 229, text))
    }
}
