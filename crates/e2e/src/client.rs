//! Real clients through the broker: connect secrets from the command line, then the real psql.

use crate::installation::Installation;
use crate::objects::PASSWORD;
use anyhow::{Context, Result, ensure};
use mayfly_testbed::{Login, PostgresHandle};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

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
    pub fn open(&self) -> Result<Psql> {
        let mut psql = self.start()?;
        psql.query("select 'open'").context("psql did not connect")?;
        Ok(psql)
    }

    /// Starts a psql and does not wait until it is connected.
    ///
    /// # Errors
    /// When psql cannot be run.
    pub fn start(&self) -> Result<Psql> {
        Psql::start(self.tool("psql", "orders"))
    }
}

/// Opens a psql that goes to the server itself, past Mayfly, in the database `orders`.
///
/// # Errors
/// What psql says.
pub fn direct(server: &PostgresHandle, login: &Login) -> Result<Psql> {
    let mut command = Command::new("psql");
    command
        .env("PGHOST", server.host())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", &login.password)
        .env("PGDATABASE", "orders")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", server.ca_path());
    let mut psql = Psql::start(command)?;
    psql.query("select 'open'").context("psql did not connect")?;
    Ok(psql)
}

/// A psql that stays open, fed with one statement at a time.
#[derive(Debug)]
pub struct Psql {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What marks the end of a statement's output.
const MARK: &str = "--- end of statement ---";

impl Psql {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .args(["-X", "-A", "-t", "-q"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("psql has an output")?);
        Ok(Self { child, input, output })
    }

    /// Runs a statement and gives its output.
    ///
    /// # Errors
    /// When psql has ended.
    pub fn query(&mut self, statement: &str) -> Result<String> {
        let input = self.input.as_mut().context("psql is closed")?;
        // One that has ended takes no more; what it said is the answer then.
        let _ = input.write_all(format!("{statement};\n\\echo '{MARK}'\n").as_bytes());
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                anyhow::bail!("psql ended: {}", self.said()?);
            }
            if line.trim_end() == MARK {
                return Ok(all.trim().to_owned());
            }
            all.push_str(&line);
        }
    }

    /// Waits for psql to end and gives what it wrote to standard error.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn said(&mut self) -> Result<String> {
        self.input = None;
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut errors, &mut text)?;
        }
        self.child.wait()?;
        Ok(text)
    }

    /// Leaves, as a person does who types `\q`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn leave(mut self) -> Result<()> {
        self.input = None;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
