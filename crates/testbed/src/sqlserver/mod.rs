//! A stand-in for SQL Server. It is **not the product**, which cannot be had here: it speaks TDS 7.1 to 7.4 and the strict form,
//! with TLS, and has logins with real passwords, server and database roles, users, sessions that `KILL` really cuts, schemas,
//! extended properties, jobs of the Agent as rows, rights as far as statements about accounts ask for them, and the error
//! numbers of Microsoft's documents. What it does not understand is an error that names the statement, never a silent success.
//!
//! What it proves of a client of it is the wire format, the order of statements, how errors are taken, and recovery. It proves
//! nothing of what SQL Server itself does. It is itself tried by clients that are not ours: FreeTDS, pymssql, tedious, tiberius.
//!
//! * `wire`: the network side. * `sql`: the language, from text to statements. * `state`: what there is. * `views`: how it
//!   looks through catalogue views. * `eval`: expressions and queries. * `run`: statements that do something. * `world`: what
//!   sessions share.

mod error;
mod eval;
mod run;
mod sql;
mod state;
mod value;
mod views;
mod wire;
mod world;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::certificates::Certificates;
use state::Catalogue;
use world::Shared;

/// How a stand-in is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it calls itself.
    pub name: String,
    /// Whether it encrypts connections; one that does not is what a real server never is from outside.
    pub encrypts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { name: "STANDIN".to_owned(), encrypts: true }
    }
}

/// A session, as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSession {
    /// Its number.
    pub id: u16,
    /// Whose it is.
    pub login: String,
    /// The database that it is in.
    pub database: String,
    /// The client's machine, as the client says.
    pub host: String,
    /// The client's program, as the client says.
    pub program: String,
    /// Whether the client only wants to read (`ApplicationIntent=ReadOnly`).
    pub read_only: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// A running stand-in on 127.0.0.1, with a certificate of its own authority for `localhost`. It ends with its handle.
pub struct SqlServerStandIn {
    listener: wire::Listener,
    shared: Arc<Shared>,
    password: String,
    directory: tempfile::TempDir,
    ca: String,
}

impl SqlServerStandIn {
    /// Starts one with the databases that every server has, and nobody but `sa`.
    ///
    /// # Errors
    /// When it cannot listen, or its files cannot be written.
    pub fn start(options: Options) -> Result<Self> {
        let certificates = Certificates::generate()?;
        let directory =
            tempfile::Builder::new().prefix("mayfly-sqlserver-").tempdir().context("cannot make a directory")?;
        fs::write(directory.path().join("ca.crt"), &certificates.ca).context("cannot write the authority")?;
        let random: [u8; 16] = state::random();
        let password = random.iter().fold("Sa-1!".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        let shared = Arc::new(Shared::new(Catalogue::new(&options.name, &password)));
        let tls = wire::Tls::new(&certificates)?;
        let listener = wire::Listener::start(&options.name, &shared, tls, options.encrypts)?;
        Ok(Self { listener, shared, password, directory, ca: certificates.ca })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// The password of `sa`.
    #[must_use]
    pub fn sa_password(&self) -> &str {
        &self.password
    }

    /// The certificate of its authority, PEM.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Where that certificate is.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    /// The requests in which there was something that it does not understand, so far: a test that meant to use none can say so.
    #[must_use]
    pub fn not_understood(&self) -> Vec<String> {
        self.listener.unknown()
    }

    /// Its sessions.
    #[must_use]
    pub fn sessions(&self) -> Vec<SeenSession> {
        let world = self.shared.at_once();
        let seen = |session: &state::Session| SeenSession {
            id: session.id,
            login: session.login_name.clone(),
            database: session.database.clone(),
            host: session.host.clone(),
            program: session.program.clone(),
            read_only: session.read_only,
            encrypted: session.encrypted,
        };
        world.sessions.iter().map(seen).collect()
    }

    /// As a client sees it.
    #[must_use]
    pub fn server(&self) -> crate::sqlclients::Server {
        crate::sqlclients::Server { host: "localhost".to_owned(), port: self.port(), ca: self.ca_path() }
    }

    /// Runs statements as `sa`, without a connection, and returns the rows of their results as texts. For preparing a test and
    /// for looking at what there is.
    ///
    /// # Errors
    /// With the number and the text of the first error.
    pub fn admin(&self, database: &str, sql: &str) -> Result<Vec<Vec<String>>> {
        run::as_administrator(&self.shared, "sa", database, sql)
    }

    /// Runs the steps of a job as its owner, as the Agent would when the job is due.
    ///
    /// # Errors
    /// When there is no such job, it is not enabled or not given to this server, or a step fails.
    pub fn run_job(&self, name: &str) -> Result<()> {
        run::run_job(&self.shared, name)
    }
}
