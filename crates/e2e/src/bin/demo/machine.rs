//! The demo's second half: a throw-away Linux host, and a session on it over SSH.

use super::heading;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::Installation;
use mayfly_e2e::machine::{ADMIN, Key, MachineRecord, describe};
use mayfly_e2e::objects::PASSWORD;
use mayfly_e2e::wait;
use mayfly_testbed::host::{Flavour, Host, Options};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Accounts of ours, and everybody else who is no account of the system's.
const ACCOUNTS: &str =
    "getent passwd | awk -F: '$3 >= 1000 && $3 != 65534'; getent group sudo; ls /etc/sudoers.d | grep keeper_ || true";

/// The host of the demo.
pub(crate) struct Machine {
    host: Host,
    key: Key,
}

impl Machine {
    fn ssh(&self, installation: &Installation) -> Vec<String> {
        let known_hosts = installation.directory().join("known_hosts").display().to_string();
        let options = ["-F", "none", "-o", "IdentitiesOnly=yes", "-o"].map(str::to_owned);
        let mut words = options.to_vec();
        words.extend([
            format!("UserKnownHostsFile={known_hosts}"),
            "-i".to_owned(),
            self.key.path().display().to_string(),
        ]);
        words.extend(["-p".to_owned(), installation.ssh_port.to_string(), "alice~web01@localhost".to_owned()]);
        words
    }

    /// The command line to try.
    pub(crate) fn command(&self, installation: &Installation) -> String {
        format!("ssh {}", self.ssh(installation).join(" "))
    }
}

/// Starts a host and shows a session on it; nothing where this is not root, who alone can make one.
pub(crate) fn show(installation: &Installation) -> Result<Option<Machine>> {
    if !rustix::process::getuid().is_root() {
        heading("The Linux host is left out: making one needs root");
        return Ok(None);
    }
    heading(
        "Starting a throw-away Linux host with its own accounts, network and sshd (the first time it is built: a minute)",
    );
    let host = Host::start(Options::new(Flavour::Plain))?;
    let key = Key::make(installation.directory(), "alice")?;
    let admin = Key::make(installation.directory(), "admin")?;
    host.create_admin(ADMIN, &admin.public()?)?;
    let machine = Machine { host, key };
    println!("Debian 12 at {}, administered by `{ADMIN}` with sudo, by key", machine.host.address());
    apply(installation, &machine, &admin)?;

    heading("Before: accounts on the host, and who is in group sudo");
    print!("{}", machine.host.shell(ACCOUNTS)?);

    heading("A session: alice types ssh -p … alice~web01@localhost");
    let mut ssh = Command::new("ssh");
    ssh.args(machine.ssh(installation)).arg("id; sudo -n id; sleep 4").stdin(Stdio::null()).stdout(Stdio::piped());
    let session = ssh.stderr(Stdio::piped()).spawn()?;
    let ours = "grep -c '^keeper_' /etc/passwd || true";
    wait::until("the account is there", Duration::from_secs(30), || Ok(machine.host.shell(ours)?.trim() == "1"))?;
    std::thread::sleep(Duration::from_secs(1));

    heading("During: an account with an id of its own, in group sudo, with a rule for it alone");
    print!("{}", machine.host.shell(ACCOUNTS)?);
    let output = session.wait_with_output()?;
    ensure!(output.status.success(), "{}", describe(&output));
    heading("What she saw");
    print!("{}", String::from_utf8_lossy(&output.stdout));

    heading("She has left the host; soon nothing is left there either");
    wait::until("the account is gone", Duration::from_secs(30), || Ok(machine.host.shell(ours)?.trim() == "0"))?;
    wait::until("the session is closed", Duration::from_secs(30), || {
        Ok(installation.json(&["sessions", "ls"])?["items"].as_array().is_some_and(Vec::is_empty))
    })?;
    print!("{}", machine.host.shell(ACCOUNTS)?);
    Ok(Some(machine))
}

fn apply(installation: &Installation, machine: &Machine, admin: &Key) -> Result<()> {
    let hash = installation.must(&["user", "passwd"], &format!("{PASSWORD}\n"))?;
    let record = MachineRecord { elevate: Some("sudo"), duration: "30m", ..MachineRecord::new("web01") };
    let yaml = format!(
        "---\nkind: Person\nname: alice\nspec:\n  password_hash: \"{}\"\n  ssh_keys: [\"{}\"]\n  \
         may_launch: [orders, web01]\n{}",
        hash.trim(),
        machine.key.public()?,
        record.yaml(&machine.host)?
    );
    installation.must(&["apply", "-f", "-"], &yaml)?;
    let secret = std::fs::read_to_string(admin.path())?;
    installation.must(&["secret", "set", "web01-admin", "--secret-file", "-"], &secret)?;
    let password = installation.directory().join("password");
    std::fs::write(&password, PASSWORD)?;
    let password = password.to_str().context("a path that is text")?;
    let known = installation.json(&["connect", "web01", "--person", "alice", "--password-file", password])?;
    let line = known["known_hosts"].as_str().context("a line")?;
    Ok(std::fs::write(installation.directory().join("known_hosts"), format!("{line}\n"))?)
}
