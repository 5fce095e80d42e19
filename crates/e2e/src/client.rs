//! Real clients through the broker: connect secrets from the command line, then the real psql.

use crate::installation::Installation;
use crate::objects::PASSWORD;
use crate::prompt::Prompt;
use anyhow::{Context, Result, ensure};
use mayfly_testbed::{Login, PostgresHandle};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a native client needs.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The user name, `PERSON~RECORD`.
    pub user: String,
    /// The connect secret.
    pub secret: String,
    /// The broker's port.
    pub port: u16,
    /// The certificate of the local authority.
    pub ca: std::path::PathBuf,
}

impl Ticket {
    /// Signs in and gets a connect secret.
    ///
    /// # Errors
    /// What the command line says.
    pub fn get(installation: &Installation, person: &str, record: &str) -> Result<Self> {
        let arguments = ["-o", "json", "connect", record, "--person", person, "--password-file", "-"];
        let answer = installation.must(&arguments, &format!("{PASSWORD}\n"))?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        let text = |field: &str| answer[field].as_str().map(str::to_owned).context("a field of the answer");
        Ok(Self {
            user: text("user")?,
            secret: text("secret")?,
            port: installation.postgres_port,
            ca: installation.ca(),
        })
    }

    /// The environment of a libpq client: the secret never stands among its arguments.
    pub fn environment(&self, command: &mut Command, database: &str) {
        command
            .env("PGHOST", "localhost")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGPASSWORD", &self.secret)
            .env("PGDATABASE", database)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.ca)
            .env("PGCONNECT_TIMEOUT", "30");
    }

    /// A command of Debian's PostgreSQL client tools.
    pub fn tool(&self, name: &str, database: &str) -> Command {
        let installed = Path::new("/usr/lib/postgresql/15/bin").join(name);
        let mut command = if installed.is_file() { Command::new(installed) } else { Command::new(name) };
        self.environment(&mut command, database);
        command
    }

    /// Runs one statement in a psql of its own.
    ///
    /// # Errors
    /// When psql cannot be run.
    pub fn psql(&self, statement: &str) -> Result<Output> {
        let mut command = self.tool("psql", "orders");
        Ok(command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]).stdin(Stdio::null()).output()?)
    }

    /// Runs statements in a psql of its own, in this database, each as a message of its own.
    ///
    /// # Errors
    /// What psql says.
    pub fn script(&self, database: &str, statements: &str) -> Result<String> {
        let mut command = self.tool("psql", database);
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // A psql that has ended does not read on; its own words say why.
        let _ = child.stdin.take().context("psql has an input")?.write_all(statements.as_bytes());
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Runs one statement and expects it to succeed.
    ///
    /// # Errors
    /// What psql says.
    pub fn query(&self, statement: &str) -> Result<String> {
        let output = self.psql(statement)?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Opens a psql that stays.
    ///
    /// # Errors
    /// When it does not connect.
    pub fn open(&self) -> Result<Prompt> {
        let mut psql = self.start()?;
        psql.query("select 'open'").context("psql did not connect")?;
        Ok(psql)
    }

    /// Starts a psql and does not wait until it is connected.
    ///
    /// # Errors
    /// When psql cannot be run.
    pub fn start(&self) -> Result<Prompt> {
        psql_of(self.tool("psql", "orders"))
    }
}

/// Opens a psql that goes to the server itself, past Mayfly, in the database `orders`.
///
/// # Errors
/// What psql says.
pub fn direct(server: &PostgresHandle, login: &Login) -> Result<Prompt> {
    let mut command = Command::new("psql");
    command
        .env("PGHOST", server.host())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", &login.password)
        .env("PGDATABASE", "orders")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", server.ca_path());
    let mut psql = psql_of(command)?;
    psql.query("select 'open'").context("psql did not connect")?;
    Ok(psql)
}

/// A psql that stays open, fed with one statement at a time.
fn psql_of(mut command: Command) -> Result<Prompt> {
    Prompt::start(command.args(["-X", "-A", "-t", "-q"]), ";", "\\echo '{}'")
}
