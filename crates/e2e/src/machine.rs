//! A disposable host with everything on it that scenarios over SSH need, an installation beside it, and the comparison of the
//! host with what it was.

use crate::client::Ticket;
use crate::objects::{PASSWORD, quoted};
use crate::{Installation, Server, wait};
use anyhow::{Context, Result, ensure};
use mayfly_testbed::host::{Flavour, Host, Options, Snapshot};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How long the way out may take on a machine with other work.
const OUT_LIMIT: Duration = Duration::from_secs(60);
/// The account with which Mayfly administers the host: not root, `sudo` without a password.
pub const ADMIN: &str = "mayfly";

/// The folders on the host that are Mayfly's own.
const OURS: [&str; 2] = ["/var/lib/mayfly", "/run/mayfly"];

/// A machine record of the host.
#[derive(Debug, Clone)]
pub struct MachineRecord<'a> {
    /// Its name.
    pub name: &'a str,
    /// The existing account that is lifted; without one an account is made for each session.
    pub launch: Option<&'a str>,
    /// The group.
    pub elevate: Option<&'a str>,
    /// What of `connection` differs from the default, as YAML.
    pub connection: &'a str,
    /// How long a session lasts.
    pub duration: &'a str,
}

impl<'a> MachineRecord<'a> {
    /// A record of ephemeral accounts without any group.
    pub fn new(name: &'a str) -> Self {
        Self { name, launch: None, elevate: None, connection: "protocol: ssh", duration: "10m" }
    }

    /// The record and its credentials as YAML; the administrative one is `NAME-admin`, the launch credential `NAME-launch`.
    ///
    /// # Errors
    /// When the host's key cannot be read.
    pub fn yaml(&self, host: &Host) -> Result<String> {
        let (name, address, pin) = (self.name, host.address(), host.host_key()?.fingerprint);
        let launch =
            self.launch.map_or_else(|| "create_ephemeral: true".to_owned(), |_| format!("launch: {name}-launch"));
        let elevate = self.elevate.map_or_else(String::new, |group| {
            format!(", elevate: true, elevation_method: group, elevation_string: {}", quoted(group))
        });
        let mut text = format!(
            "---\nkind: Machine\nname: {name}\nspec:\n  operating_system: linux\n  host: {address}\n  \
             host_key: {{pin: \"{pin}\"}}\n  rotation: {{administrative: {name}-admin, port: 22}}\n  \
             connection: {{{}}}\n  jit: {{{launch}{elevate}}}\n  session: {{duration: {}, linger: 1s}}\n",
            self.connection, self.duration
        );
        let _ = write!(text, "---\nkind: User\nname: {name}-admin\nspec: {{login: {ADMIN}, resource: {name}}}\n");
        if let Some(login) = self.launch {
            let _ = write!(text, "---\nkind: User\nname: {name}-launch\nspec: {{login: {login}, resource: {name}}}\n");
        }
        Ok(text)
    }
}

/// A key pair of the testers'.
#[derive(Debug)]
pub struct Key(PathBuf);

impl Key {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// When `ssh-keygen` fails.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path).status()?;
        ensure!(made.success(), "ssh-keygen failed");
        Ok(Self(path))
    }

    /// The file of the private key.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The public key as a line.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn public(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.0.with_extension("pub"))?.trim().to_owned())
    }
}

/// A host and an installation that serves it.
#[derive(Debug)]
pub struct MachineWorld {
    /// The host.
    pub host: Host,
    /// The installation.
    pub installation: Installation,
    /// The key of every person.
    pub key: Key,
    admin: Key,
    before: Snapshot,
}

impl MachineWorld {
    /// Starts a host, sets it up with the script `setup`, makes an installation and notes what is on the host. The server of
    /// the installation is started by the caller.
    ///
    /// # Errors
    /// When anything of it does not work.
    pub fn new(flavour: Flavour, setup: &str) -> Result<Self> {
        let host = Host::start(Options::new(flavour))?;
        let installation = Installation::init()?;
        let (key, admin) =
            (Key::make(installation.directory(), "people")?, Key::make(installation.directory(), "admin")?);
        host.create_admin(ADMIN, &admin.public()?)?;
        // What sudo and systemd make for themselves when they are first used.
        host.shell("mkdir -p -m 711 /run/sudo; mkdir -p -m 700 /run/sudo/ts; [ ! -d /run/systemd/system ] || mkdir -p /run/systemd/transient")?;
        if !setup.is_empty() {
            host.shell(setup)?;
        }
        let before = host.snapshot()?;
        Ok(Self { host, installation, key, admin, before })
    }

    /// Starts the server and applies people and records; `launch` is the secret of every launch credential.
    ///
    /// # Errors
    /// What the command line says.
    pub fn serve(&self, people: &[&str], records: &[MachineRecord<'_>], launch: Option<&str>) -> Result<Server> {
        let running = self.installation.start()?;
        let hash = self.installation.must(&["user", "passwd"], &format!("{PASSWORD}\n"))?;
        let names: Vec<&str> = records.iter().map(|record| record.name).collect();
        let mut yaml = String::new();
        for person in people {
            let _ = write!(
                yaml,
                "---\nkind: Person\nname: {person}\nspec:\n  password_hash: \"{}\"\n  ssh_keys: [\"{}\"]\n  may_launch: [{}]\n",
                hash.trim(),
                self.key.public()?,
                names.join(", ")
            );
        }
        for record in records {
            yaml.push_str(&record.yaml(&self.host)?);
        }
        self.installation.must(&["apply", "-f", "-"], &yaml)?;
        let admin = std::fs::read_to_string(self.admin.path())?;
        for record in records {
            let user = format!("{}-admin", record.name);
            self.installation.must(&["secret", "set", &user, "--secret-file", "-"], &admin)?;
            if let (Some(_), Some(secret)) = (record.launch, launch) {
                let user = format!("{}-launch", record.name);
                self.installation.must(&["secret", "set", &user, "--secret-file", "-"], secret)?;
            }
        }
        let known = self.installation.json(&[
            "connect",
            names.first().context("a record")?,
            "--person",
            people.first().context("a person")?,
            "--password-file",
            self.password_file()?.to_str().context("a path that is text")?,
        ])?;
        std::fs::write(self.known_hosts(), format!("{}\n", known["known_hosts"].as_str().context("a line")?))?;
        Ok(running)
    }

    fn password_file(&self) -> Result<PathBuf> {
        let path = self.installation.directory().join("password");
        std::fs::write(&path, PASSWORD)?;
        Ok(path)
    }

    fn known_hosts(&self) -> PathBuf {
        self.installation.directory().join("known_hosts")
    }

    /// A connect secret, as `mayfly connect` prints it.
    ///
    /// # Errors
    /// What the command line says.
    pub fn ticket(&self, person: &str, record: &str) -> Result<Ticket> {
        Ticket::get(&self.installation, person, record)
    }

    /// Options for OpenSSH's clients: the broker is believed by its authority alone, the person's key is the only one.
    pub fn options(&self) -> Vec<String> {
        let mut options: Vec<String> =
            ["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"].map(str::to_owned).to_vec();
        options.extend(["-o".to_owned(), format!("UserKnownHostsFile={}", self.known_hosts().display())]);
        options.extend(["-i".to_owned(), self.key.path().display().to_string()]);
        options
    }

    /// OpenSSH's client, on its way to a record as a person.
    pub fn ssh(&self, person: &str, record: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options()).args(["-o", "BatchMode=yes", "-p", &self.installation.ssh_port.to_string()]);
        command.arg(format!("{person}~{record}@localhost")).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command on the host as a person and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what the client said.
    pub fn run(&self, person: &str, record: &str, script: &str) -> Result<String> {
        let output = self.ssh(person, record, &[script]).output()?;
        ensure!(output.status.success(), "{}\n{}", describe(&output), self.installation.log());
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// Waits until the host is as it was before.
    ///
    /// # Errors
    /// With the first difference when it does not become so.
    pub fn as_before(&self, what: &str) -> Result<()> {
        let mut difference = String::new();
        wait::until("no session is left", OUT_LIMIT, || {
            let sessions = self.installation.json(&["sessions", "ls"])?;
            Ok(sessions["items"].as_array().is_some_and(Vec::is_empty))
        })?;
        let same = wait::until("the host is as it was", OUT_LIMIT, || {
            let all = self.before.diff(&self.host.snapshot()?);
            // What Mayfly itself keeps there: the mark of the ids that were given, which must outlive every session.
            difference =
                all.lines().filter(|line| !OURS.iter().any(|ours| line.contains(ours))).collect::<Vec<_>>().join("\n");
            Ok(difference.is_empty())
        });
        same.with_context(|| format!("after {what}:\n{difference}\n{}", self.installation.log()))
    }
}

/// What a program that failed said.
pub fn describe(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}
