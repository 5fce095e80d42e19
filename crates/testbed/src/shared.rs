//! Servers that a whole test run shares, so that they start once and not in every test.
//!
//! A test runner calls [`start`] and sets the environment variable `MAYFLY_TESTBED` to [`Running::state_file`]; test
//! processes then find the servers by [`postgres`] and [`mysql`]. Without the variable, the first call in a process starts a server
//! that lives as long as the process.
//!
//! **Several test processes use a shared server at once.** Each test makes names of its own there and looks only at
//! those. A test that needs a [`crate::snapshot`] of the whole server, changes its configuration, or stops it, starts
//! its own ([`Postgres::start`], about a second).

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::mysql::{self, Mysql, MysqlHandle};
use crate::postgres::{Flavour, Login, Options, Postgres, PostgresHandle};
use crate::watchdog::Watchdog;
use crate::{admin, fixtures, scratch};

/// The environment variable with the path of the state file.
pub const VARIABLE: &str = "MAYFLY_TESTBED";

/// A shared server with the databases and roles of [`fixtures`] and the administrator of [`admin`]. Derefs to
/// [`PostgresHandle`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SharedPostgres {
    handle: PostgresHandle,
    admin: Login,
}

impl SharedPostgres {
    /// The administrator `mayfly_admin`, who may grant the fixtures' roles; [`admin::extend`] adds more.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.admin
    }
}

impl Deref for SharedPostgres {
    type Target = PostgresHandle;

    fn deref(&self) -> &PostgresHandle {
        &self.handle
    }
}

/// A shared server with the databases, the roles and the administrator of [`mysql::fixtures`]. Derefs to [`MysqlHandle`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SharedMysql {
    handle: MysqlHandle,
    admin: Login,
}

impl SharedMysql {
    /// The administrator `mayfly_admin`, who may grant the fixtures' roles; [`mysql::fixtures::lend`] adds more.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.admin
    }
}

impl Deref for SharedMysql {
    type Target = MysqlHandle;

    fn deref(&self) -> &MysqlHandle {
        &self.handle
    }
}

/// What the state file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    postgres: Vec<SharedPostgres>,
    mysql: Vec<SharedMysql>,
}

/// The servers of a test run. They stop when this is dropped or the process that holds it ends.
#[derive(Debug)]
pub struct Running {
    servers: Vec<Postgres>,
    /// Held, so that they run.
    _mysql: Vec<Mysql>,
    state: Watchdog,
}

impl Running {
    /// The file whose path test processes find in `MAYFLY_TESTBED`. It holds the servers' secrets; only
    /// its owner can reach it.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.state.directory().join("state.json")
    }

    /// The PostgreSQL servers, one of each flavour.
    #[must_use]
    pub fn servers(&self) -> &[Postgres] {
        &self.servers
    }
}

/// Starts one server of each flavour for a whole test run, filled with [`fixtures`] and [`admin`], and writes the state
/// file. May be called from async code; the call blocks. Where MySQL cannot be had there is none, and tests that need it say so.
///
/// # Errors
/// When a server does not start.
pub fn start() -> Result<Running> {
    let (mut servers, mut mysql) = (Vec::new(), Vec::new());
    let mut described = State::default();
    for flavour in Flavour::ALL {
        let (server, shared) = start_one(flavour)?;
        servers.push(server);
        described.postgres.push(shared);
    }
    for flavour in mysql::Flavour::ALL {
        if !mysql::skip::can_run(flavour) {
            continue;
        }
        let (server, shared) = start_one_mysql(flavour)?;
        mysql.push(server);
        described.mysql.push(shared);
    }
    let state = Watchdog::start(&scratch::directory("state")?, "TERM")?;
    let running = Running { servers, _mysql: mysql, state };
    let json = serde_json::to_vec_pretty(&described)?;
    // The directory's mode is 0700, so nobody else can open the file whatever its own.
    fs::write(running.state_file(), json).context("cannot write the state file")?;
    Ok(running)
}

/// The shared server of a flavour: the run's, if `MAYFLY_TESTBED` is set, else one of this process, started by the first
/// call and gone when the process ends. May be called from async code; the call blocks.
///
/// # Errors
/// When the state file cannot be read or the server does not start.
pub fn postgres(flavour: Flavour) -> Result<&'static SharedPostgres> {
    static KNOWN: Mutex<Vec<&'static SharedPostgres>> = Mutex::new(Vec::new());
    // One starter at a time: the others wait here and then find what it has started.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = known.iter().find(|server| server.flavour() == flavour) {
        return Ok(server);
    }
    let found = match std::env::var_os(VARIABLE) {
        Some(file) => {
            let found = read_state(Path::new(&file))?.postgres.into_iter().find(|server| server.flavour() == flavour);
            found.with_context(|| format!("no server of flavour {flavour:?} is running"))?
        }
        None => {
            let (server, shared) = start_one(flavour)?;
            // Never dropped; its watchdog ends it with the process.
            std::mem::forget(server);
            shared
        }
    };
    let server: &'static SharedPostgres = Box::leak(Box::new(found));
    known.push(server);
    Ok(server)
}

/// The shared MariaDB or MySQL server, found or started as [`postgres`] does. Ask [`mysql::skip::can_run`] first.
///
/// # Errors
/// As [`postgres`].
pub fn mysql(flavour: mysql::Flavour) -> Result<&'static SharedMysql> {
    static KNOWN: Mutex<Vec<&'static SharedMysql>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = known.iter().find(|server| server.flavour() == flavour) {
        return Ok(server);
    }
    let found = match std::env::var_os(VARIABLE) {
        Some(file) => {
            let found = read_state(Path::new(&file))?.mysql.into_iter().find(|server| server.flavour() == flavour);
            found.with_context(|| format!("no server of flavour {flavour:?} is running"))?
        }
        None => {
            let (server, shared) = start_one_mysql(flavour)?;
            std::mem::forget(server);
            shared
        }
    };
    let server: &'static SharedMysql = Box::leak(Box::new(found));
    known.push(server);
    Ok(server)
}

fn read_state(file: &Path) -> Result<State> {
    let json = fs::read(file).with_context(|| format!("{VARIABLE}: cannot read {}", file.display()))?;
    serde_json::from_slice(&json).context("the state file is not understood")
}

fn start_one_mysql(flavour: mysql::Flavour) -> Result<(Mysql, SharedMysql)> {
    let server = Mysql::start(mysql::Options { max_connections: 500, ..mysql::Options::new(flavour) })?;
    mysql::fixtures::create_roles(&server)?;
    let admin = mysql::fixtures::create_admin(&server, &fixtures::ROLES)?;
    mysql::fixtures::create_databases(&server)?;
    let shared = SharedMysql { handle: server.handle().clone(), admin };
    Ok((server, shared))
}

fn start_one(flavour: Flavour) -> Result<(Postgres, SharedPostgres)> {
    let mut options = Options::new(flavour);
    options.max_connections = 500;
    let server = Postgres::start(options)?;
    let admin = std::thread::scope(|scope| {
        // A thread of its own, because the caller's may be inside a runtime already.
        let filling = std::thread::Builder::new().spawn_scoped(scope, || fill(&server));
        filling?.join().unwrap_or_else(|_| Err(anyhow!("the filling thread panicked")))
    })?;
    let shared = SharedPostgres { handle: server.handle().clone(), admin };
    Ok((server, shared))
}

fn fill(server: &PostgresHandle) -> Result<Login> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        fixtures::create(server).await?;
        admin::create(server, &fixtures::ROLES, &fixtures::DATABASES).await
    })
}
