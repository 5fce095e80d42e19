//! Debian's rsyslog as a receiver of syslog over TLS: a receiver that is not ours, which takes what it gets apart.

use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::certificates::Certificates;
use crate::command::Account;
use crate::scratch;
use crate::watchdog::{Watchdog, until, wait};

const PROGRAM: &str = "/usr/sbin/rsyslogd";
const DRIVER: &str = "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so";
const DEADLINE: Duration = Duration::from_secs(30);

/// A message as rsyslog understood it, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The priority.
    pub priority: String,
    /// The time of the header.
    pub time: String,
    /// The host that it comes from, as it says.
    pub host: String,
    /// `APP-NAME`.
    pub app: String,
    /// `MSGID`.
    pub id: String,
    /// The structured data.
    pub data: String,
    /// The text.
    pub text: String,
}

/// A receiver on 127.0.0.1 that demands a client certificate of its own authority. What it has received outlasts its end and
/// its next start; its directory goes when it is dropped.
#[derive(Debug)]
pub struct Rsyslog {
    port: u16,
    account: Account,
    process: Option<Child>,
    watchdog: Watchdog,
}

impl Rsyslog {
    /// Prepares a receiver; it does not run yet.
    ///
    /// # Errors
    /// When the packages `rsyslog` and `rsyslog-gnutls` are not installed.
    pub fn new() -> Result<Self> {
        for needed in [PROGRAM, DRIVER] {
            ensure!(Path::new(needed).exists(), "{needed} is missing: install rsyslog and rsyslog-gnutls");
        }
        let account = Account::unprivileged()?;
        let watchdog = Watchdog::start(&scratch::directory("rsyslog")?, "TERM")?;
        let directory = watchdog.directory().to_owned();
        account.give(&directory)?;
        let certificates = Certificates::generate()?;
        account.write_private(&directory.join("ca.crt"), &certificates.ca)?;
        account.write_private(&directory.join("both.crt"), &certificates.certificate)?;
        account.write_private(&directory.join("both.key"), &certificates.key)?;
        let port = scratch::free_port()?;
        account.write_private(&directory.join("rsyslog.conf"), &settings(port, &directory))?;
        Ok(Self { port, account, process: None, watchdog })
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it does not; the text has its log.
    pub fn start(&mut self) -> Result<()> {
        let directory = self.watchdog.directory().to_owned();
        let log_path = directory.join("rsyslogd.log");
        let log = File::create(&log_path).context("cannot make the log")?;
        let mut command = self.account.command(Path::new(PROGRAM), &directory);
        // Without -C it goes to the root directory, where the watchdog does not find it.
        command.args(["-n", "-C", "-f", "rsyslog.conf", "-i", "NONE"]).stdout(log.try_clone()?).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().context("cannot start rsyslogd")?;
        let mut ended = false;
        let listening = until(DEADLINE, || {
            ended = !matches!(process.try_wait(), Ok(None));
            ended || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
        self.process = Some(process);
        if ended || !listening {
            bail!("rsyslogd did not start:\n{}", std::fs::read_to_string(&log_path).unwrap_or_default());
        }
        Ok(())
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    /// When it does not run or cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("it does not run")?;
        process.kill().context("cannot kill rsyslogd")?;
        ensure!(wait(&mut process, DEADLINE), "rsyslogd does not end");
        Ok(())
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the certificate of its authority is, and a certificate and a key that it lets in.
    #[must_use]
    pub fn credentials(&self) -> [PathBuf; 3] {
        ["ca.crt", "both.crt", "both.key"].map(|file| self.watchdog.directory().join(file))
    }

    /// What it has received so far, in its order.
    ///
    /// # Errors
    /// When a line of it does not have every part.
    pub fn received(&self) -> Result<Vec<Message>> {
        let text = std::fs::read_to_string(self.watchdog.directory().join("received")).unwrap_or_default();
        text.lines().map(|line| message(line).with_context(|| format!("not a message: {line}"))).collect()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.watchdog.end();
        if let Some(process) = &mut self.process {
            wait(process, DEADLINE);
        }
    }
}

fn message(line: &str) -> Option<Message> {
    let mut parts = line.splitn(7, '\t').map(str::to_owned);
    let mut next = || parts.next();
    let (priority, time, host, app, id, data) = (next()?, next()?, next()?, next()?, next()?, next()?);
    Some(Message { priority, time, host, app, id, data, text: next()? })
}

fn settings(port: u16, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"global(workDirectory="{directory}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{directory}/ca.crt"
  defaultNetstreamDriverCertFile="{directory}/both.crt" defaultNetstreamDriverKeyFile="{directory}/both.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
template(name="parts" type="list") {{
  property(name="pri") constant(value="\t")
  property(name="timereported" dateFormat="rfc3339") constant(value="\t")
  property(name="hostname") constant(value="\t")
  property(name="app-name") constant(value="\t")
  property(name="msgid") constant(value="\t")
  property(name="structured-data") constant(value="\t")
  property(name="msg" droplastlf="on") constant(value="\n")
}}
ruleset(name="all") {{
  action(type="omfile" file="{directory}/received" template="parts" flushOnTXEnd="on" asyncWriting="off")
}}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="all")
"#
    )
}
