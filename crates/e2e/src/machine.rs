//! A disposable host with everything on it that scenarios over SSH need, an installation beside it, and the comparison of the
//! host with what it was.

use crate::client::Ticket;
use crate::objects::{PASSWORD, quoted};
use crate::{Installation, Prompt, Server, wait};
use anyhow::{Context, Result, ensure};
use mayfly_testbed::host::{Flavour, Host, Options, Snapshot};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
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
    /// Whether sessions may lift one account at the same time.
    pub overlap: bool,
    /// Whom to believe at the host's address, as YAML; the host's own key when nothing is said.
    pub host_key: Option<&'a str>,
    /// What of `connection` differs from the default, as YAML.
    pub connection: &'a str,
    /// How long a session lasts.
    pub duration: &'a str,
    /// How long it waits for another connection.
    pub linger: &'a str,
}

impl<'a> MachineRecord<'a> {
    /// A record of ephemeral accounts without any group.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            launch: None,
            elevate: None,
            overlap: false,
            host_key: None,
            connection: "protocol: ssh",
            duration: "10m",
            linger: "1s",
        }
    }

    /// The record and its credentials as YAML; the administrative one is `NAME-admin`, the launch credential `NAME-launch`.
    ///
    /// # Errors
    /// When the host's key cannot be read.
    pub fn yaml(&self, host: &Host) -> Result<String> {
        let (name, address) = (self.name, host.address());
        let own = || Ok::<_, anyhow::Error>(format!("pin: \"{}\"", host.host_key()?.fingerprint));
        let host_key = self.host_key.map_or_else(own, |yaml| Ok(yaml.to_owned()))?;
        let launch =
            self.launch.map_or_else(|| "create_ephemeral: true".to_owned(), |_| format!("launch: {name}-launch"));
        let elevate = self.elevate.map_or_else(String::new, |group| {
            let (group, alone) = (quoted(group), !self.overlap);
            format!(", elevate: true, elevation_method: group, elevation_string: {group}, exclusive: {alone}")
        });
        let mut text = format!(
            "---\nkind: Machine\nname: {name}\nspec:\n  operating_system: linux\n  host: {address}\n  \
             host_key: {{{host_key}}}\n  rotation: {{administrative: {name}-admin, port: 22}}\n  \
             connection: {{{}}}\n  jit: {{{launch}{elevate}}}\n  session: {{duration: {}, linger: {}}}\n",
            self.connection, self.duration, self.linger
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
    /// The one of this name in a folder, made if there is none.
    ///
    /// # Errors
    /// When `ssh-keygen` fails.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        if path.exists() {
            return Ok(Self(path));
        }
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
    /// The installation, which may serve other targets too.
    pub installation: Arc<Installation>,
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
        Self::of(&Arc::new(Installation::init()?), flavour, setup)
    }

    /// As [`MachineWorld::new`], for an installation that serves other targets too.
    ///
    /// # Errors
    /// When anything of it does not work.
    pub fn of(installation: &Arc<Installation>, flavour: Flavour, setup: &str) -> Result<Self> {
        let host = Host::start(Options::new(flavour))?;
        let (key, admin) =
            (Key::make(installation.directory(), "people")?, Key::make(installation.directory(), "admin")?);
        host.create_admin(ADMIN, &admin.public()?)?;
        // What sudo and systemd make for themselves when they are first used.
        host.shell("mkdir -p -m 711 /run/sudo; mkdir -p -m 700 /run/sudo/ts; [ ! -d /run/systemd/system ] || mkdir -p /run/systemd/transient")?;
        if !setup.is_empty() {
            host.shell(setup)?;
        }
        let before = host.snapshot()?;
        Ok(Self { host, installation: Arc::clone(installation), key, admin, before })
    }

    /// Notes what is on the host from now on as what was there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn settle(&mut self) -> Result<()> {
        self.before = self.host.snapshot()?;
        Ok(())
    }

    /// Starts the server and applies people and records; `launch` is the secret of every launch credential.
    ///
    /// # Errors
    /// What the command line says.
    pub fn serve(&self, people: &[&str], records: &[MachineRecord<'_>], launch: Option<&str>) -> Result<Server> {
        let running = self.installation.start()?;
        let records: Vec<_> = records.iter().map(|record| (self, record.clone())).collect();
        apply(people, &records, &[], launch)?;
        Ok(running)
    }

    /// Notes anew what is on the host, after an administrator has changed it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn note(&mut self) -> Result<()> {
        self.before = self.host.snapshot()?;
        Ok(())
    }

    /// The file by which clients know the broker.
    pub fn known_hosts(&self) -> PathBuf {
        self.installation.directory().join("known_hosts")
    }

    /// Does on the host what `record check` prints, so that it trusts the authority of that record; from then on the host as it
    /// then is is what it was before.
    ///
    /// # Errors
    /// When the check does not print it, or it does not work.
    pub fn trust_authority(&mut self, record: &str) -> Result<()> {
        self.write_authority(record)?;
        self.reload_sshd()
    }

    /// The same, up to the moment at which sshd would have to read its settings again.
    ///
    /// # Errors
    /// As [`MachineWorld::trust_authority`].
    pub fn write_authority(&mut self, record: &str) -> Result<()> {
        let output = self.installation.run(&["-o", "json", "record", "check", record])?;
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).with_context(|| describe(&output))?;
        let fix = |words: &str| -> Result<String> {
            let findings = answer["findings"].as_array().context("findings")?;
            let about =
                |finding: &&serde_json::Value| finding["what"].as_str().is_some_and(|what| what.contains(words));
            let found = findings.iter().find(about).with_context(|| format!("nothing about {words}: {answer}"))?;
            let lines = found["fix"].as_array().context("lines")?.iter();
            Ok(lines.filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join("\n"))
        };
        self.host.shell(&fix("does not trust this record's authority")?)?;
        let config = self.host.run(&["cat", "/etc/ssh/sshd_config"])?;
        self.host.write("/etc/ssh/sshd_config", format!("{config}\n{}\n", fix("can be bypassed")?), 0o644)?;
        self.before = self.host.snapshot()?;
        Ok(())
    }

    /// Lets sshd read its settings again and waits until it listens.
    ///
    /// # Errors
    /// When it refuses them.
    pub fn reload_sshd(&self) -> Result<()> {
        let listens = || -> Result<usize> { Ok(self.host.log()?.matches("Server listening").count()) };
        let before = listens()?;
        self.host.shell("sshd -t; kill -HUP \"$(cat /run/sshd.pid)\"")?;
        wait::until("sshd listens again", OUT_LIMIT, || Ok(listens()? > before))
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

    /// The administrator's key.
    pub fn admin_key(&self) -> &Key {
        &self.admin
    }

    /// OpenSSH's client, on its way to a record as a person.
    pub fn ssh(&self, person: &str, record: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options()).args(["-o", "BatchMode=yes", "-p", &self.installation.ssh_port.to_string()]);
        command.arg(format!("{person}~{record}@localhost")).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// A shell on the host, as a person who stays. It is not waited for.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub fn open(&self, person: &str, record: &str) -> Result<Prompt> {
        Prompt::start(&mut self.ssh(person, record, &["sh"]), "", "echo '{}'")
    }

    /// A shell on the host past Mayfly, as one of its own accounts that knows the key of people.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub fn direct(&self, account: &str) -> Result<Prompt> {
        let known = self.installation.directory().join("known_directly");
        std::fs::write(&known, format!("{} {}\n", self.host.address(), self.host.host_key()?.openssh))?;
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o"]);
        ssh.arg(format!("UserKnownHostsFile={}", known.display())).arg("-i").arg(self.key.path());
        Prompt::start(ssh.arg(format!("{account}@{}", self.host.address())).arg("sh"), "", "echo '{}'")
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
        wait::until("every session is out", OUT_LIMIT, || {
            Ok(self.installation.sessions()?.is_empty() && self.installation.owed()?.is_empty())
        })
        .with_context(|| format!("after {what}:\n{}", self.installation.log()))?;
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

/// Applies people who may open these records of hosts, which one installation serves, and others of it, by name. `launch` is
/// the secret of every launch credential.
///
/// # Errors
/// What the command line says.
pub fn apply(
    people: &[&str],
    records: &[(&MachineWorld, MachineRecord<'_>)],
    others: &[&str],
    launch: Option<&str>,
) -> Result<()> {
    let world = records.first().context("a record")?.0;
    let installation = &world.installation;
    let hash = installation.must(&["user", "passwd"], &format!("{PASSWORD}\n"))?;
    let names: Vec<&str> = records.iter().map(|(_, record)| record.name).chain(others.iter().copied()).collect();
    let mut yaml = String::new();
    for person in people {
        let _ = write!(
            yaml,
            "---\nkind: Person\nname: {person}\nspec:\n  password_hash: \"{}\"\n  ssh_keys: [\"{}\"]\n  may_launch: [{}]\n",
            hash.trim(),
            world.key.public()?,
            names.join(", ")
        );
    }
    for (world, record) in records {
        yaml.push_str(&record.yaml(&world.host)?);
    }
    installation.must(&["apply", "-f", "-"], &yaml)?;
    for (world, record) in records {
        let admin = std::fs::read_to_string(world.admin.path())?;
        let user = format!("{}-admin", record.name);
        installation.must(&["secret", "set", &user, "--secret-file", "-"], &admin)?;
        if let (Some(_), Some(secret)) = (record.launch, launch) {
            let user = format!("{}-launch", record.name);
            installation.must(&["secret", "set", &user, "--secret-file", "-"], secret)?;
        }
    }
    let (first, person) = (names.first().context("a record")?, people.first().context("a person")?);
    let arguments = ["-o", "json", "connect", first, "--person", person, "--password-file", "-"];
    let answer: serde_json::Value = serde_json::from_str(&installation.must(&arguments, &format!("{PASSWORD}\n"))?)?;
    std::fs::write(world.known_hosts(), format!("{}\n", answer["known_hosts"].as_str().context("a line")?))?;
    Ok(())
}

/// What a program that failed said.
pub fn describe(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}
