//! What launches are compared with: the same tools, run by a shell of root over one SSH connection that stays open.

use super::HostWorld;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::machine::ADMIN;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const FUNCTIONS: &str = include_str!("raw.sh");

/// The first id of accounts that are made here; each gets one of its own.
const FIRST: u32 = 50_000;

static MADE: AtomicU32 = AtomicU32::new(0);

/// An account that was made without Mayfly.
pub(super) struct Account {
    pub(super) name: String,
    uid: u32,
}

/// A shell of root on the host.
pub(super) struct Raw {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Raw {
    /// Connects as the administrator.
    pub(super) fn open(world: &HostWorld) -> Result<Self> {
        let mut ssh = Command::new("ssh");
        ssh.args(world.direct_options()).arg("-i").arg(world.machine.admin_key().path());
        ssh.arg(format!("{ADMIN}@{}", world.machine.host.address())).arg("sudo -n sh 2>&1");
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("an input")?;
        let output = BufReader::new(child.stdout.take().context("an output")?);
        let mut raw = Self { child, input, output };
        raw.run(&format!("KEY='{}'\n{FUNCTIONS}", world.machine.key.public()?))?;
        Ok(raw)
    }

    /// Makes an account that has the persons' key.
    pub(super) fn make(&mut self) -> Result<Account> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let account = Account { name: format!("raw_{number}"), uid: FIRST + number };
        self.run(&format!("make {} {}", account.name, account.uid))?;
        Ok(account)
    }

    /// Takes an account away.
    pub(super) fn remove(&mut self, account: &Account) -> Result<()> {
        self.run(&format!("remove {} {}", account.name, account.uid))
    }

    /// Runs a piece of script, which has nothing to say when all is well.
    fn run(&mut self, script: &str) -> Result<()> {
        writeln!(self.input, "{script}\necho end")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(line == "end\n", "a raw script said {line:?}");
        Ok(())
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
