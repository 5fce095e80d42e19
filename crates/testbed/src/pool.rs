//! PostgreSQL servers lent to the tests of one process, one test after the other, since starting a server takes longer than
//! most tests do.
//!
//! A server serves one test at a time, so that tests need no names of their own and may compare [`crate::snapshot`]s of the
//! whole server. What a test leaves is taken away before the next one that asks for a [`fresh`] server, and a snapshot then
//! shows whether that worked; if not, the server goes and another one is started. A test that changes files of a server or
//! stops it takes its [`own`].
//!
//! The servers live as long as the process; their watchdogs end them, however it ends. They do not sync to the disk:
//! nothing here survives a crash of the machine anyway.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::postgres::{Flavour, Login, Options, Postgres, quote_identifier};
use crate::{admin, fixtures, snapshot};

/// A server with the databases and roles of [`fixtures`] and the administrator of [`admin`], for one test. Derefs to
/// [`Postgres`]. Dropping it gives the server back, or ends it if it is one's own or the test has failed.
#[derive(Debug)]
pub struct Lent {
    kept: Option<Kept>,
    goes_back: bool,
}

#[derive(Debug)]
struct Kept {
    server: Postgres,
    admin: Login,
    /// What the server holds besides the databases of the fixtures.
    pristine: String,
}

static IDLE: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A server that is as if it had just been started; only its log and its counters tell that it was not.
///
/// # Errors
/// When no server is idle and none can be started.
pub async fn fresh(flavour: Flavour) -> Result<Lent> {
    while let Some(kept) = idle(flavour) {
        if let Ok(true) = clean(&kept).await {
            return Ok(Lent { kept: Some(kept), goes_back: true });
        }
        // It blocks until the server has ended.
        tokio::task::spawn_blocking(|| drop(kept)).await?;
    }
    Ok(Lent { kept: Some(start(flavour).await?), goes_back: true })
}

/// A server on which roles, databases and rights that other tests made may still be, for tests with names of their own.
///
/// # Errors
/// As [`fresh`].
pub async fn used(flavour: Flavour) -> Result<Lent> {
    let kept = match idle(flavour) {
        Some(kept) => kept,
        None => start(flavour).await?,
    };
    Ok(Lent { kept: Some(kept), goes_back: true })
}

/// A server just started, which nobody else gets afterwards.
///
/// # Errors
/// When it cannot be started.
pub async fn own(flavour: Flavour) -> Result<Lent> {
    Ok(Lent { kept: Some(start(flavour).await?), goes_back: false })
}

impl Lent {
    /// The administrator `mayfly_admin`, who may grant the fixtures' roles; [`admin::extend`] adds more.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.kept().admin
    }

    #[expect(clippy::expect_used, reason = "only drop takes it out")]
    fn kept(&self) -> &Kept {
        self.kept.as_ref().expect("a server that is lent")
    }
}

impl Deref for Lent {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.kept().server
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take().filter(|_| self.goes_back && !std::thread::panicking()) {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
    }
}

fn idle(flavour: Flavour) -> Option<Kept> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = idle.iter().rposition(|kept| kept.server.flavour() == flavour)?;
    Some(idle.swap_remove(place))
}

async fn start(flavour: Flavour) -> Result<Kept> {
    let options = Options { fsync: false, ..Options::new(flavour) };
    let server = tokio::task::spawn_blocking(|| Postgres::start(options)).await??;
    fixtures::create_roles(&server).await?;
    let admin = admin::create(&server, &fixtures::ROLES, &[]).await?;
    let pristine = snapshot::take(&server).await?;
    let kept = Kept { server, admin, pristine };
    create_databases(&kept.server).await?;
    Ok(kept)
}

async fn create_databases(server: &Postgres) -> Result<()> {
    fixtures::create_databases(server).await?;
    admin::extend(server, &[], &fixtures::DATABASES).await
}

/// Takes away what tests made and says whether nothing of it is left.
async fn clean(kept: &Kept) -> Result<bool> {
    let server = &kept.server;
    let client = server.client("postgres").await?;
    // The calls wait until the sessions have gone.
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    client.batch_execute(end).await.context("cannot end the sessions")?;
    for row in
        client.query("SELECT database::text, format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts", &[]).await?
    {
        let (database, rollback): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        server.client(&database).await?.batch_execute(&rollback).await?;
    }
    let databases = "SELECT datname::text FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')";
    for row in client.query(databases, &[]).await? {
        let name: String = row.try_get(0)?;
        client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", quote_identifier(&name))).await?;
    }
    let keep: Vec<&str> = fixtures::ROLES.into_iter().chain([admin::ADMIN, admin::GRAVEYARD]).collect();
    let roles = "SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles \
                 WHERE oid >= 16384 AND rolname <> ALL ($1::text[])";
    if let Some(roles) = client.query_one(roles, &[&keep]).await?.try_get::<_, Option<String>>(0)? {
        client.batch_execute(&format!("DROP OWNED BY {roles} CASCADE; DROP ROLE {roles}")).await?;
    }
    drop(client);
    if snapshot::take(server).await? != kept.pristine {
        return Ok(false);
    }
    create_databases(server).await?;
    Ok(true)
}
