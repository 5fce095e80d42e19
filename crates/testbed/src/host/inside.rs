//! What a test does on a host as its root: run commands, write files, let people in, cut the line.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Host;
use super::start::PATH;

/// How long a command on a host may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long setting something of the link may take.
const LINK_DEADLINE: Duration = Duration::from_secs(10);

/// A host's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// As in `known_hosts` after the name: the type and the key in base64.
    pub openssh: String,
    /// `SHA256:` and the digest in base64, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

impl Host {
    /// A command that runs `program` with `args` as root inside all namespaces of the host, with a clean environment and
    /// nothing on its standard input; for callers that want its streams, or do not want to wait. On a host with
    /// systemd it belongs to no unit and no session.
    #[must_use]
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.pid()))
            .args(["--root", "--wd", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
        command.args(["--", program]).args(args);
        command.env_clear().env("PATH", PATH).env("HOME", "/root").env("LANG", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// Runs a command as [`Host::command`] does, to its end, whatever its exit status. It is killed after 120 s. What it
    /// leaves running must have let go of its output, which is read to the end.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn output(&self, args: &[&str]) -> Result<Output> {
        self.output_of(args, b"")
    }

    /// Runs a command as [`Host::output`] does and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started or fails; the text has what it wrote to standard error.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        printed(args, self.output(args)?)
    }

    /// Runs a script with the host's `sh -eu` and returns what it printed.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub fn shell(&self, script: &str) -> Result<String> {
        self.run(&["sh", "-euc", script])
    }

    /// Writes a file, whose folder must exist, with the mode. What was there is replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let script = "umask 077; rm -f -- \"$1\"; cat > \"$1\"; chmod \"$2\" \"$1\"";
        let args = ["sh", "-euc", script, "sh", path, &format!("{mode:o}")];
        printed(&args, self.output_of(&args, content.as_ref())?)?;
        Ok(())
    }

    /// Lets whoever holds the key in as root: `public_key` is a line of `authorized_keys`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn authorize_root(&self, public_key: &str) -> Result<()> {
        self.authorize("root", public_key)
    }

    /// Makes an account that may become root through sudo without a password and has no password of its own.
    /// `public_key` is a line of its `authorized_keys`. What it runs is not part of a [`Host::snapshot`].
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn create_admin(&self, name: &str, public_key: &str) -> Result<()> {
        self.run(&["useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", name])?;
        self.write(&format!("/etc/sudoers.d/{name}"), format!("{name} ALL=(ALL:ALL) NOPASSWD: ALL\n"), 0o440)?;
        self.authorize(name, public_key)?;
        let uid = self.run(&["id", "-u", name])?;
        self.add_administrator(uid.trim().parse().context("a user id that is no number")?);
        Ok(())
    }

    /// Adds a line to an account's `authorized_keys`.
    fn authorize(&self, account: &str, public_key: &str) -> Result<()> {
        ensure!(!public_key.trim().contains('\n'), "a key is one line");
        let script = "home=$(getent passwd \"$1\" | cut -d: -f6)\n\
                      install -d -m 700 -o \"$1\" -g \"$(id -gn \"$1\")\" \"$home/.ssh\"\n\
                      echo \"$2\" >> \"$home/.ssh/authorized_keys\"\n\
                      chmod 600 \"$home/.ssh/authorized_keys\"\n\
                      chown \"$1:$(id -gn \"$1\")\" \"$home/.ssh/authorized_keys\"";
        self.run(&["sh", "-euc", script, "sh", account, public_key.trim()])?;
        Ok(())
    }

    /// The host's own ED25519 key, which no other host has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn host_key(&self) -> Result<HostKey> {
        let path = "/etc/ssh/ssh_host_ed25519_key.pub";
        let openssh = self.run(&["cut", "-d", " ", "-f", "1,2", path])?.trim().to_owned();
        let line = self.run(&["ssh-keygen", "-l", "-E", "sha256", "-f", path])?;
        let fingerprint = line.split(' ').nth(1).context("ssh-keygen printed no fingerprint")?.to_owned();
        Ok(HostKey { openssh, fingerprint })
    }

    /// What sshd has logged, at the level VERBOSE.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log(&self) -> Result<String> {
        let content = fs::read(self.root().join("var/log/sshd.log")).context("cannot read sshd's log")?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// Cuts the line to the host: what either side sends is lost, as when a cable is pulled. Connections are not closed.
    ///
    /// # Errors
    /// When the line cannot be cut.
    pub fn link_down(&self) -> Result<()> {
        // At the far end. Cut at the near one, the machine would send what is for the host the usual way out.
        self.link("down")
    }

    /// Ends [`Host::link_down`].
    ///
    /// # Errors
    /// When the line cannot be restored.
    pub fn link_up(&self) -> Result<()> {
        self.link("up")
    }

    fn link(&self, state: &str) -> Result<()> {
        crate::command::output(&self.at_far_end(&["ip", "link", "set", "eth0", state]), LINK_DEADLINE)
            .with_context(|| format!("cannot set the link {state}"))?;
        Ok(())
    }

    /// Lets so many Mbit/s through the line and no more, in each direction (tc-tbf(8)).
    ///
    /// # Errors
    /// When the line cannot be limited.
    pub fn limit_line(&self, megabits: u32) -> Result<()> {
        let rate = format!("{megabits}mbit");
        self.queue(&["replace"], &["tbf", "rate", &rate, "burst", "256kb", "latency", "50ms"])
    }

    /// Ends [`Host::limit_line`].
    ///
    /// # Errors
    /// When the line was not limited.
    pub fn unlimit_line(&self) -> Result<()> {
        self.queue(&["delete"], &[])
    }

    /// Sets what waits at both ends of the link to be sent.
    fn queue(&self, verb: &[&str], kind: &[&str]) -> Result<()> {
        let interface = self.interface();
        let words = |interface| [&["qdisc"], verb, &["dev", interface, "root"], kind].concat();
        let mut near = Command::new("tc");
        near.args(words(&interface));
        for end in [near, self.at_far_end(&[&["tc"], words("eth0").as_slice()].concat())] {
            crate::command::output(&end, LINK_DEADLINE).context("cannot set how fast the line is")?;
        }
        Ok(())
    }

    /// The machine's own tool in the host's network, since what the host's does may be what is tested.
    fn at_far_end(&self, command: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter.arg(format!("--target={}", self.pid())).args(["--net", "--"]).args(command);
        enter
    }

    fn output_of(&self, args: &[&str], input: &[u8]) -> Result<Output> {
        let seconds = DEADLINE.as_secs().to_string();
        // On the host, since killing nsenter would not end what it has started there.
        let mut command = self.command("timeout", &["--signal=KILL", &seconds]);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start nsenter")?;
        // A command that does not read its input is no error of ours, and none here writes before it has read.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input);
        }
        child.wait_with_output().context("cannot wait for a command on the host")
    }
}

fn printed(args: &[&str], done: Output) -> Result<String> {
    let what = args.first().copied().unwrap_or_default();
    if !done.status.success() {
        let stderr = String::from_utf8_lossy(&done.stderr);
        bail!("{what} failed on the host ({}): {}", done.status, stderr.trim());
    }
    String::from_utf8(done.stdout).with_context(|| format!("{what} wrote what is not UTF-8"))
}
