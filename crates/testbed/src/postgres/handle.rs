//! What a test can do with a running server, whoever started it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Flavour, Login};
use crate::command;
use crate::watchdog::until;

const PSQL_DEADLINE: Duration = Duration::from_secs(60);

/// Where a running server is and how to get in as its superuser. It can be written to JSON and read in another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PostgresHandle {
    pub(super) flavour: Flavour,
    pub(super) port: u16,
    pub(super) superuser: Login,
    pub(super) ca_pem: String,
    pub(super) directory: PathBuf,
}

impl PostgresHandle {
    /// Which PostgreSQL it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The address to connect to, `127.0.0.1`; the certificate is also valid for `localhost`.
    #[must_use]
    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The bootstrap superuser `postgres` and its password, for TCP; over the Unix socket it needs none.
    #[must_use]
    pub fn superuser(&self) -> &Login {
        &self.superuser
    }

    /// The certificate of the authority that signed the server's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The file with the same.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    /// The server's log: all statements, connections and errors.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// What is in the log now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        let content = fs::read(self.log_path()).context("cannot read the server's log")?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// The cluster's data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The directory of the Unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.directory
    }

    /// Runs Debian's `psql` as the superuser over the Unix socket, in the database `postgres` unless `args` name
    /// another (`-d`), with `-X -q -A -t -v ON_ERROR_STOP=1`, and returns what it wrote to standard output.
    ///
    /// # Errors
    /// When psql fails (with its standard error) or takes longer than 60 s.
    pub fn psql(&self, args: &[&str]) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]).args(args);
        psql.env("PGHOST", &self.directory).env("PGPORT", self.port.to_string());
        psql.env("PGUSER", &self.superuser.user).env("PGDATABASE", "postgres").env("PGCLIENTENCODING", "UTF8");
        command::output(&psql, PSQL_DEADLINE)
    }

    /// Connects to `database` as the superuser over the Unix socket. The connection is served by a task of the
    /// calling runtime and closes when the client is dropped; on a single-threaded runtime it does so only once the
    /// caller awaits something, so do not block until the session has gone.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn client(&self, database: &str) -> Result<tokio_postgres::Client> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.directory).port(self.port).user(&self.superuser.user).dbname(database);
        config.connect_timeout(Duration::from_secs(30));
        let connecting = config.connect(tokio_postgres::NoTls).await;
        let (client, connection) = connecting.with_context(|| format!("cannot connect to database {database:?}"))?;
        // Its error, if any, is seen by whoever uses the client.
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates a database owned by the superuser.
    ///
    /// # Errors
    /// When it exists or the name is not valid.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let client = self.client("postgres").await?;
        // From the template that nobody can enter: copying the other one waits for whoever is there.
        client.batch_execute(&format!("CREATE DATABASE {} TEMPLATE template0", quote_identifier(name))).await?;
        Ok(())
    }

    /// Replaces `pg_hba.conf`, reloads, and waits until new connections are judged by it. The rules must let the
    /// superuser in over the Unix socket (`local all postgres trust`), or nothing here works any more.
    ///
    /// # Errors
    /// When the file cannot be written or holds a line that PostgreSQL does not understand.
    pub fn set_hba(&self, rules: &str) -> Result<()> {
        fs::write(self.data_dir().join("pg_hba.conf"), rules).context("cannot write pg_hba.conf")?;
        let bad = self.psql(&["-c", "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL"])?;
        ensure!(bad.is_empty(), "pg_hba.conf is not understood: {bad}");
        self.reload()
    }

    /// The rules a new server starts with: the superuser over the Unix socket without a password, everybody else by
    /// SCRAM, and over TCP only with TLS.
    #[must_use]
    pub fn default_hba() -> &'static str {
        "local all postgres trust\n\
         local all all scram-sha-256\n\
         hostssl all all 127.0.0.1/32 scram-sha-256\n\
         hostnossl all all 127.0.0.1/32 reject\n"
    }

    /// Makes the server read its configuration again and waits until new connections have it.
    ///
    /// # Errors
    /// When the server cannot be asked, or has not reloaded after 10 s.
    pub fn reload(&self) -> Result<()> {
        let loaded = || self.psql(&["-c", "SELECT pg_conf_load_time()"]);
        let before = loaded()?;
        self.psql(&["-c", "SELECT pg_reload_conf()"])?;
        let reloaded = until(Duration::from_secs(10), || loaded().is_ok_and(|now| now != before));
        ensure!(reloaded, "the server did not reload its configuration within 10 s");
        Ok(())
    }
}

/// Quotes an identifier as PostgreSQL's lexer wants it (section 4.1.1 of its manual).
pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
