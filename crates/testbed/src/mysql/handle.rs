//! What a test can do with a running server, whoever started it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Flavour, Session, binaries};
use crate::command;
use crate::postgres::Login;

const CLIENT_DEADLINE: Duration = Duration::from_secs(60);

/// Where a running server is and how to get in as its root. It can be written to JSON and read in another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MysqlHandle {
    pub(super) flavour: Flavour,
    pub(super) version: String,
    pub(super) port: u16,
    pub(super) root: Login,
    pub(super) ca_pem: String,
    pub(super) directory: PathBuf,
}

impl MysqlHandle {
    /// Which server it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The version of its programs, such as `9.7.4-2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The address to connect to, `127.0.0.1`; the certificate is also valid for `localhost`. The server resolves no names.
    #[must_use]
    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The account `root` and its password, over TCP from 127.0.0.1 and over the Unix socket.
    #[must_use]
    pub fn root(&self) -> &Login {
        &self.root
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

    /// The Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("s.sock")
    }

    /// The log of all connections and statements.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.directory.join("general.log")
    }

    /// What is in that log now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        let content = fs::read(self.log_path()).context("cannot read the server's log")?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// The server's log of errors.
    pub(super) fn error_path(&self) -> PathBuf {
        self.directory.join("error.log")
    }

    pub(super) fn error_log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.error_path()).unwrap_or_default()).into_owned()
    }

    /// The server's own client as root over the Unix socket, without any configuration file.
    ///
    /// # Errors
    /// When the programs are missing.
    pub fn root_client(&self) -> Result<Command> {
        let mut client = self.client()?;
        client.arg("--socket").arg(self.socket()).args(["--user", &self.root.user]);
        client.env("MYSQL_PWD", &self.root.password);
        Ok(client)
    }

    /// The server's own client as anybody over TCP, with TLS verified.
    ///
    /// # Errors
    /// When the programs are missing.
    pub fn client_as(&self, login: &Login) -> Result<Command> {
        let mut client = self.client()?;
        client.args(["--host", self.host(), "--port", &self.port.to_string(), "--user", &login.user]);
        client.arg("--ssl-ca").arg(self.ca_path());
        client.arg(match self.flavour {
            Flavour::MariaDb => "--ssl-verify-server-cert",
            Flavour::MySql => "--ssl-mode=VERIFY_IDENTITY",
        });
        client.env("MYSQL_PWD", &login.password);
        Ok(client)
    }

    fn client(&self) -> Result<Command> {
        let mut client = binaries::programs(self.flavour)?.client.command();
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
        Ok(client)
    }

    /// Runs statements as root over the Unix socket, in `database` unless that is empty, and returns the rows, a line each
    /// with tabs between the fields. It stops at the first error.
    ///
    /// # Errors
    /// When the client fails (with its standard error) or takes longer than 60 s.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut client = self.root_client()?;
        client.arg("--raw").arg(format!("--execute={sql}"));
        if !database.is_empty() {
            client.arg(format!("--database={database}"));
        }
        let printed = command::output(&client, CLIENT_DEADLINE)?;
        Ok(printed.strip_suffix('\n').unwrap_or(&printed).to_owned())
    }

    /// Logs in over TCP with verified TLS, and stays.
    ///
    /// # Errors
    /// What the server said when it refuses, as `ERROR 1045 (28000): …`.
    pub fn session(&self, login: &Login, database: &str) -> Result<Session> {
        Session::start(self.client_as(login)?, database)
    }

    /// Logs in as root over the Unix socket, and stays.
    ///
    /// # Errors
    /// As [`MysqlHandle::session`].
    pub fn root_session(&self) -> Result<Session> {
        Session::start(self.root_client()?, "")
    }
}

/// Quotes an identifier (MySQL manual, "Schema Object Names"; the same for MariaDB).
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Quotes a text, for a session that has backslashes as escapes, as they are unless it says otherwise.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
