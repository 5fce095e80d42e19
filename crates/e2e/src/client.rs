//! Real clients through the broker: connect secrets from the command line, then the real psql.

use crate::installation::Installation;
use crate::objects::PASSWORD;
use anyhow::{Context, Result, ensure};
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
        let mut command = self.tool("psql", "orders");
        let child = command
            .args(["-X", "-A", "-t", "-q"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut psql = Psql::new(child)?;
        psql.query("select 'open'").context("psql did not connect")?;
        Ok(psql)
    }
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
    fn new(mut child: Child) -> Result<Self> {
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
        writeln!(input, "{statement};\n\\echo '{MARK}'")?;
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
