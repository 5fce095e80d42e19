//! The objects that the tests and the demo apply, as an administrator would write them.

use crate::installation::Installation;
use anyhow::{Context, Result};
use mayfly_testbed::{Login, MysqlHandle, PostgresHandle, mysql};
use std::fmt::Write;
use std::path::PathBuf;

/// A server of the testbed that holds the databases of the fixtures.
pub trait Served {
    /// What a record of it has as `database_type`.
    fn database_type(&self) -> &'static str;
    /// Where it listens.
    fn host(&self) -> &str;
    /// On which port.
    fn port(&self) -> u16;
    /// The file with the authority of its certificate.
    fn ca_path(&self) -> PathBuf;
}

impl Served for PostgresHandle {
    fn database_type(&self) -> &'static str {
        "postgresql"
    }

    fn host(&self) -> &str {
        Self::host(self)
    }

    fn port(&self) -> u16 {
        Self::port(self)
    }

    fn ca_path(&self) -> PathBuf {
        Self::ca_path(self)
    }
}

impl Served for MysqlHandle {
    fn database_type(&self) -> &'static str {
        match self.flavour() {
            mysql::Flavour::MariaDb => "mariadb",
            mysql::Flavour::MySql => "mysql",
        }
    }

    fn host(&self) -> &str {
        Self::host(self)
    }

    fn port(&self) -> u16 {
        Self::port(self)
    }

    fn ca_path(&self) -> PathBuf {
        Self::ca_path(self)
    }
}

/// A record of the database `orders` on a server of the testbed.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Its name.
    pub name: &'a str,
    /// The existing account that is lifted; without one an account is made for each session.
    pub launch: Option<&'a str>,
    /// The role.
    pub elevate: Option<&'a str>,
    /// Whether sessions may lift one account at the same time.
    pub overlap: bool,
    /// What becomes of what an account owns.
    pub leftovers: &'a str,
    /// How long a session lasts.
    pub duration: &'a str,
    /// How long it waits for another connection.
    pub linger: &'a str,
    /// How many connections a session may have at once.
    pub connections: u16,
}

impl<'a> Record<'a> {
    /// A record of ephemeral accounts in role `readonly`.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            launch: None,
            elevate: Some("readonly"),
            overlap: false,
            leftovers: "graveyard",
            duration: "10m",
            linger: "1s",
            connections: 20,
        }
    }

    /// The record as YAML; its administrative credential is `NAME-admin`, its launch credential `NAME-launch`.
    pub fn yaml(&self, server: &impl Served, ca: &str) -> String {
        let (name, kind, host, port) = (self.name, server.database_type(), server.host(), server.port());
        let mut text = format!(
            "---\nkind: Database\nname: {name}\nspec:\n  database_type: {kind}\n  host: {host}\n  \
             tls: {{mode: verify_full, ca: {{file: {ca}}}}}\n  default_database: orders\n  \
             rotation: {{administrative: {name}-admin, port: {port}}}\n  connection: {{protocol: {kind}, port: {port}}}\n"
        );
        let launch = match self.launch {
            Some(_) => format!("launch: {name}-launch"),
            None => "create_ephemeral: true".to_owned(),
        };
        let _ = writeln!(text, "  jit:\n    {launch}");
        if let Some(role) = self.elevate.map(quoted) {
            let _ = writeln!(
                text,
                "    elevate: true\n    elevation_method: role\n    elevation_string: {role}\n    exclusive: {}",
                !self.overlap
            );
        }
        let Self { duration, linger, leftovers, connections, .. } = self;
        let _ = writeln!(
            text,
            "  session: {{duration: {duration}, linger: {linger}, leftovers: {leftovers}, connections: {connections}}}"
        );
        text
    }
}

/// A text as YAML's double-quoted scalar, in which anything but printable ASCII is escaped (YAML 1.2.2, section 5.7).
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            ' '..='~' => quoted.push(char),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(char));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A person as YAML.
///
/// # Errors
/// When the password cannot be hashed.
pub fn person(installation: &Installation, name: &str, may_launch: &[&str], disabled: bool) -> Result<String> {
    let hash = installation.must(&["user", "passwd"], &format!("{PASSWORD}\n"))?;
    Ok(person_with(hash.trim(), name, may_launch, disabled))
}

fn person_with(hash: &str, name: &str, may_launch: &[&str], disabled: bool) -> String {
    format!(
        "---\nkind: Person\nname: {name}\nspec:\n  password_hash: \"{hash}\"\n  may_launch: [{}]\n  disabled: {disabled}\n",
        may_launch.join(", ")
    )
}

/// The password of every person.
pub const PASSWORD: &str = "correct horse battery staple";

/// Applies people and records, and sets the secrets of the credentials.
///
/// # Errors
/// What the command line says.
pub fn apply(
    installation: &Installation,
    server: &impl Served,
    admin: &Login,
    people: &[&str],
    records: &[(Record<'_>, Option<&Login>)],
) -> Result<()> {
    let hash = installation.must(&["user", "passwd"], &format!("{PASSWORD}\n"))?;
    let ca = server.ca_path();
    let ca = ca.to_str().context("a path that is text")?;
    let names: Vec<&str> = records.iter().map(|(record, _)| record.name).collect();
    let mut yaml = String::new();
    for person in people {
        yaml.push_str(&person_with(hash.trim(), person, &names, false));
    }
    let mut secrets = Vec::new();
    for (record, launch) in records {
        yaml.push_str(&record.yaml(server, ca));
        let mut user = |suffix: &str, login: &Login| {
            let name = format!("{}-{suffix}", record.name);
            let _ = writeln!(
                yaml,
                "---\nkind: User\nname: {name}\nspec:\n  login: {}\n  resource: {}",
                login.user, record.name
            );
            secrets.push((name, login.password.clone()));
        };
        user("admin", admin);
        if let Some(launch) = launch {
            user("launch", launch);
        }
    }
    installation.must(&["apply", "-f", "-"], &yaml)?;
    for (name, secret) in secrets {
        installation.must(&["secret", "set", &name, "--secret-file", "-"], &secret)?;
    }
    Ok(())
}
