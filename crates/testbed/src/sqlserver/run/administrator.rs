//! Statements without a connection: those of a test, and those of the Agent.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::super::eval::Own;
use super::super::value::Kind;
use super::super::world::Shared;
use super::{Event, Pause, Run};

/// Nobody can interrupt a test.
struct Never;

impl Pause for Never {
    fn wait(&mut self, time: Duration) -> bool {
        std::thread::sleep(time);
        true
    }
}

/// Runs statements as a login. Returns the rows of their results as texts, one result behind the other.
pub(crate) fn as_administrator(
    shared: &Arc<Shared>,
    login: &str,
    database: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>> {
    let found = shared.at_once().catalogue.login(login).map(|login| login.id);
    let login_id = found.with_context(|| format!("there is no login {login}"))?;
    let database = shared.at_once().catalogue.database(database).map(|found| found.name.clone());
    let database = database.map_err(|error| anyhow::anyhow!("{}", error.text))?;
    let mut own = Own::new(0, login_id, login, &database);
    let mut pause = Never;
    let mut run = Run::new(shared, &mut own, &mut pause);
    run.batch(sql);
    let mut rows = Vec::new();
    for event in run.events {
        match event {
            Event::Error(error) => bail!("{} in {sql:?}: {}", error.number, error.text),
            Event::Rows(table) => {
                let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
                debug_assert!(table.rows.iter().all(|row| row.len() == kinds.len()));
                rows.extend(table.rows.iter().map(|row| row.iter().map(super::super::value::Value::shown).collect()));
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// Runs the steps of a job.
pub(crate) fn run_job(shared: &Arc<Shared>, name: &str) -> Result<()> {
    let world = shared.at_once();
    let job = world.catalogue.job(name).with_context(|| format!("there is no job {name}"))?.clone();
    let owner = world.catalogue.by_sid(&job.owner_sid).map(|owner| owner.name.clone());
    drop(world);
    if !job.enabled || !job.targeted {
        bail!("the job {name} is not enabled, or not given to this server (sp_add_jobserver)");
    }
    let owner = owner.with_context(|| format!("the owner of the job {name} is gone"))?;
    for step in &job.steps {
        as_administrator(shared, &owner, &step.database, &step.command)?;
    }
    // Levels 1 and 3: when it has succeeded.
    if matches!(job.delete_level, 1 | 3) {
        shared.at_once().catalogue.jobs.retain(|other| other.id != job.id);
    }
    Ok(())
}
