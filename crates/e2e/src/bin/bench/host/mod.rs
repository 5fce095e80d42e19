//! SSH: a disposable Linux host with a Mayfly beside it, and the same host with nothing in between.

mod copy;
mod idle;
mod launch;
mod raw;

use crate::Effort;
use crate::figures::{self, Row};
use anyhow::{Context, Result, ensure};
use mayfly_e2e::machine::{MachineRecord, describe};
use mayfly_e2e::{MachineWorld, Server, wait};
use mayfly_testbed::host::Flavour;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The record of the host.
const RECORD: &str = "web01";

/// The account that goes round us.
const DIRECT: &str = "direct";

/// Makes that account, whose key is that of the persons.
const MAKE_DIRECT: &str = "useradd -m -s /bin/bash direct; install -d -m 700 -o direct -g direct ~direct/.ssh";

/// Both ways exchange keys alike: a client and a server of OpenSSH 9.2 would else take a method between them (sntrup761) that takes
/// 90 ms longer than the one that we have in common with that client.
const SAME: [&str; 2] = ["-o", "KexAlgorithms=curve25519-sha256"];

/// How long the removal of accounts may take, and the start of a program on the host.
const LIMIT: Duration = Duration::from_secs(120);

/// How often the host is looked at: reading a file.
const LOOKS: Duration = Duration::from_millis(2);

/// The host, and the Mayfly beside it. Dropping it ends both.
struct HostWorld {
    server: Option<Server>,
    machine: MachineWorld,
    persons: Vec<String>,
    /// The host's key, for those who come past us.
    known_hosts: PathBuf,
}

/// Everything that is measured over SSH.
pub(crate) fn rows(effort: &Effort, rows: &mut Vec<Row>) -> Result<()> {
    let mut world = HostWorld::start(effort.sessions)?;
    let mut add = |what: &str, load: &str, measured: Vec<Row>| {
        rows.extend(measured.into_iter().map(|row| row.after(load)));
        eprintln!("{what}: done");
    };
    let load = figures::load_of_a_minute();
    add("ssh log-ins", &load, launch::latencies(&world, effort.log_ins)?);
    for workers in [1, 4] {
        let load = figures::load_of_a_minute();
        add("ssh launches", &load, vec![launch::rates(&world, workers, effort.rounds, effort.seconds)?]);
    }
    let load = figures::load_of_a_minute();
    add("scp", &load, copy::rows(&world, effort)?);
    let load = figures::load_of_a_minute();
    add("idle ssh sessions", &load, vec![idle::row(&mut world, effort.sessions)?]);
    Ok(())
}

impl HostWorld {
    /// Starts everything, with so many persons.
    fn start(persons: usize) -> Result<Self> {
        let machine = MachineWorld::new(Flavour::Plain, MAKE_DIRECT)?;
        let (key, keys) = (machine.key.public()?, format!("/home/{DIRECT}/.ssh/authorized_keys"));
        machine.host.write(&keys, key, 0o600)?;
        machine.host.run(&["chown", &format!("{DIRECT}:{DIRECT}"), &keys])?;
        let known_hosts = machine.installation.directory().join("known_hosts_direct");
        std::fs::write(&known_hosts, format!("{} {}\n", machine.host.address(), machine.host.host_key()?.openssh))?;
        let persons: Vec<String> = (0..persons).map(|number| format!("person{number}")).collect();
        let names: Vec<&str> = persons.iter().map(String::as_str).collect();
        let record = MachineRecord { linger: "0s", duration: "2h", ..MachineRecord::new(RECORD) };
        let server = Some(machine.serve(&names, &[record], None)?);
        let world = Self { server, machine, persons, known_hosts };
        // Both ways once, so that what is done on first use only is done.
        world.through_us("person0", &["true"]).timed()?;
        world.direct(DIRECT, &["true"]).timed()?;
        world.settle()?;
        Ok(world)
    }

    /// Stops the server in order and starts it again. Returns its process id.
    fn restart(&mut self) -> Result<u32> {
        self.server.take().context("no server runs")?.stop()?;
        Ok(self.server.insert(self.machine.installation.start()?).pid())
    }

    /// OpenSSH's client on its way to the host through us.
    fn through_us(&self, person: &str, arguments: &[&str]) -> Client {
        let options = [&SAME[..], arguments].concat();
        Client(self.machine.ssh(person, RECORD, &options))
    }

    /// OpenSSH's client on its way to the host past us, as an account that has the persons' key.
    fn direct(&self, account: &str, arguments: &[&str]) -> Client {
        let mut command = Command::new("ssh");
        command.args(self.direct_options()).args(["-o", "BatchMode=yes"]);
        command.arg(format!("{account}@{}", self.machine.host.address())).args(arguments).stdin(Stdio::null());
        Client(command)
    }

    /// What OpenSSH's clients need on the way past us.
    fn direct_options(&self) -> Vec<String> {
        let mut options: Vec<String> =
            ["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"].map(str::to_owned).to_vec();
        options.extend(SAME.map(str::to_owned));
        options.extend(["-o".to_owned(), format!("UserKnownHostsFile={}", self.known_hosts.display())]);
        options.extend(["-i".to_owned(), self.machine.key.path().display().to_string()]);
        options
    }

    /// The host's accounts that were made here, by Mayfly or raw.
    fn accounts(&self) -> Result<Vec<String>> {
        let passwd = std::fs::read_to_string(format!("/proc/{}/root/etc/passwd", self.machine.host.pid()))?;
        let names = passwd.lines().filter_map(|line| line.split(':').next());
        Ok(names.filter(|name| name.starts_with("keeper_") || name.starts_with("raw_")).map(str::to_owned).collect())
    }

    /// Waits until an account is not on the host.
    fn until_gone(&self, account: &str) -> Result<()> {
        let end = Instant::now() + LIMIT;
        while self.accounts()?.iter().any(|there| there == account) {
            ensure!(Instant::now() < end, "{account} stays: {}", self.machine.installation.log());
            std::thread::sleep(LOOKS);
        }
        Ok(())
    }

    /// Waits until no account of ours is on the host and the server has no session left.
    fn settle(&self) -> Result<()> {
        wait::until("no account is left", LIMIT, || Ok(self.accounts()?.is_empty()))?;
        wait::until("no session is left", LIMIT, || {
            let sessions = self.machine.installation.json(&["sessions", "ls"])?;
            Ok(sessions["items"].as_array().is_some_and(Vec::is_empty))
        })
    }
}

/// A client that is yet to be run.
struct Client(Command);

impl Client {
    /// Runs it to its end, which has to be a good one. Returns how long it took, in milliseconds.
    fn timed(mut self) -> Result<f64> {
        let start = Instant::now();
        let output = self.0.stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
        ensure!(output.status.success(), "{}", describe(&output));
        Ok(figures::millis(start.elapsed()))
    }

    /// Starts it and waits until it has printed something; then it stays until what is returned is dropped.
    fn staying(mut self) -> Result<Staying> {
        let mut child = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut first = [0];
        child.stdout.as_mut().context("an output")?.read_exact(&mut first).context("a client did not come in")?;
        Ok(Staying(child))
    }
}

/// What a client runs that stays until its input ends.
const STAY: &str = "echo here; exec cat";

/// A client that stays.
struct Staying(Child);

impl Drop for Staying {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
