//! Starting, stopping and mistreating a throw-away cluster.

use std::fs::{self, File};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{Login, Options, PostgresHandle, binaries};
use crate::certificates::Certificates;
use crate::command::{self, Account};
use crate::scratch;
use crate::watchdog::{Watchdog, processes_in, until, wait};

const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// Another process may have taken the port between our look and the server's bind.
const PORT_TRIES: u32 = 5;

/// A throw-away server of one's own. It stops and its directory is removed when this is dropped or the process ends,
/// however it ends. Derefs to [`PostgresHandle`].
#[derive(Debug)]
pub struct Postgres {
    handle: PostgresHandle,
    options: Options,
    account: Account,
    postgres: PathBuf,
    postmaster: Mutex<Option<Child>>,
    watchdog: Watchdog,
}

impl Deref for Postgres {
    type Target = PostgresHandle;

    fn deref(&self) -> &PostgresHandle {
        &self.handle
    }
}

impl Postgres {
    /// Makes a new cluster and starts it, ready for connections; about a second.
    ///
    /// # Errors
    /// When the programs are missing or the server is not ready at the deadline; the text has the tail of its log.
    pub fn start(options: Options) -> Result<Self> {
        let account = Account::unprivileged()?;
        let programs = binaries::directory(options.flavour)?;
        let watchdog = Watchdog::start(&scratch::directory("pg")?, "QUIT")?;
        let directory = watchdog.directory().to_owned();
        account.give(&directory)?;
        let certificates = Certificates::generate()?;
        account.write_private(&directory.join("ca.crt"), &certificates.ca)?;
        account.write_private(&directory.join("server.crt"), &certificates.certificate)?;
        account.write_private(&directory.join("server.key"), &certificates.key)?;
        let superuser = Login { user: "postgres".to_owned(), password: scratch::secret()? };
        init(&account, &programs, &directory, &superuser, options.deadline)?;

        let mut server = Self {
            handle: PostgresHandle { flavour: options.flavour, port: 0, superuser, ca_pem: certificates.ca, directory },
            options,
            account,
            postgres: programs.join("postgres"),
            postmaster: Mutex::new(None),
            watchdog,
        };
        for tries_left in (0..PORT_TRIES).rev() {
            server.handle.port = scratch::free_port()?;
            match server.launch(None) {
                Ok(()) => break,
                Err(_) if tries_left > 0 && server.log()?.contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    /// How to reach it. A clone is still a value when the server is gone.
    #[must_use]
    pub fn handle(&self) -> &PostgresHandle {
        &self.handle
    }

    /// The process id of the postmaster.
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn pid(&self) -> Result<u32> {
        self.lock().as_ref().map(Child::id).context("the server is stopped")
    }

    /// Stops the server as `pg_ctl stop -m fast` does: sessions are ended, transactions rolled back.
    ///
    /// # Errors
    /// When it is stopped already, or has not ended after 60 s.
    pub fn stop_fast(&self) -> Result<()> {
        self.end(Signal::INT)
    }

    /// Kills the postmaster outright, as a crash would, and waits until its children have gone too.
    ///
    /// # Errors
    /// When it is stopped already, or its children are still there after 60 s.
    pub fn kill_9(&self) -> Result<()> {
        self.end(Signal::KILL)
    }

    /// Starts the server again with the same port and data; stops it first if it runs.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn restart(&self) -> Result<()> {
        if self.lock().is_some() {
            self.stop_fast()?;
        }
        self.launch(None)
    }

    /// Starts the server again with a clock that is ahead of this machine's, by libfaketime; for the next start it is right
    /// again.
    ///
    /// # Errors
    /// As [`Postgres::start`], and when libfaketime is not installed.
    pub fn restart_ahead(&self, by: Duration) -> Result<()> {
        if self.lock().is_some() {
            self.stop_fast()?;
        }
        self.launch(Some(by))
    }

    /// Stops the postmaster with SIGSTOP: new connections are accepted by the kernel and get no answer, which is how
    /// an overloaded or hung target looks. Sessions that exist go on.
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Ends [`Postgres::pause`].
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()?)?;
        let pid = Pid::from_raw(pid).context("a process without an id")?;
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to the postmaster"))
    }

    fn end(&self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        // A paused postmaster takes no other signal than KILL until it is woken.
        self.signal(Signal::CONT)?;
        let mut postmaster = self.lock();
        if let Some(child) = postmaster.as_mut() {
            ensure!(wait(child, STOP_DEADLINE), "the server did not stop within {STOP_DEADLINE:?}");
        }
        *postmaster = None;
        let data = self.data_dir();
        let gone = until(STOP_DEADLINE, || processes_in(&data).is_ok_and(|pids| pids.is_empty()));
        ensure!(gone, "children of the server were still there after {STOP_DEADLINE:?}");
        Ok(())
    }

    fn launch(&self, ahead: Option<Duration>) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path()).context("cannot open the log")?;
        let mut command = match ahead {
            None => self.account.command(&self.postgres, &self.handle.directory),
            Some(ahead) => {
                // In the server's own environment: what becomes another user first would leave a semaphore that is not its own.
                let mut command = self.account.command(Path::new("/usr/bin/env"), &self.handle.directory);
                command
                    .arg(format!("LD_PRELOAD={}", faketime()?.display()))
                    .arg(format!("FAKETIME=+{}s", ahead.as_secs()));
                // Time-outs inside the server run on the monotonic clock, which is left alone.
                command.arg("FAKETIME_DONT_FAKE_MONOTONIC=1").arg(&self.postgres);
                command
            }
        };
        command.arg("-D").arg(self.data_dir()).args(self.settings().iter().flat_map(|s| ["-c", s]));
        command.stdout(log.try_clone()?).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().context("cannot start postgres")?;
        let status = self.data_dir().join("postmaster.pid");
        let pid = child.id().to_string();
        let mut ended = false;
        let answered = until(self.options.deadline, || {
            ended = !matches!(child.try_wait(), Ok(None));
            ended || is_ready(&status, &pid)
        });
        if answered && !ended {
            *self.lock() = Some(child);
            return Ok(());
        }
        let _ = child.kill();
        let _ = child.wait();
        let what = if ended { "ended while starting" } else { "was not ready at the deadline" };
        bail!("postgres {what}; the end of its log:\n{}", tail(&self.log()?))
    }

    fn settings(&self) -> Vec<String> {
        let directory = self.handle.directory.display();
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.handle.port),
            format!("unix_socket_directories={directory}"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={directory}/server.crt"),
            format!("ssl_key_file={directory}/server.key"),
            "password_encryption=scram-sha-256".to_owned(),
            "max_prepared_transactions=10".to_owned(),
            format!("max_connections={}", self.options.max_connections),
            "log_statement=all".to_owned(),
            "log_connections=on".to_owned(),
            "log_line_prefix=%m [%p] %u@%d ".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        if !self.options.fsync {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        settings
    }
}

/// The library of Debian's package `faketime`, whose folder has the machine's name in it.
fn faketime() -> Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib").context("cannot read /usr/lib")?;
    let libraries = folders.flatten().map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    libraries.into_iter().find(|library| library.is_file()).context("libfaketime is not installed")
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The watchdog ends all processes of the directory; the postmaster, our child, has to be reaped besides.
        self.watchdog.end();
        if let Some(mut child) = self.lock().take() {
            wait(&mut child, STOP_DEADLINE);
        }
    }
}

fn init(account: &Account, programs: &Path, directory: &Path, superuser: &Login, deadline: Duration) -> Result<()> {
    let password_file = directory.join("password");
    account.write_private(&password_file, &superuser.password)?;
    let data = directory.join("data");
    let mut initdb = account.command(&programs.join("initdb"), directory);
    initdb.arg("-D").arg(&data).args(["-U", &superuser.user, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]);
    initdb.arg(format!("--pwfile={}", password_file.display())).arg("--no-sync");
    command::output(&initdb, deadline).context("cannot make the cluster")?;
    fs::remove_file(&password_file).context("cannot remove the password file")?;
    account.write_private(&data.join("pg_hba.conf"), PostgresHandle::default_hba())
}

/// Whether `postmaster.pid` is of the process `pid` and says "ready" (its eighth line, see miscinit.h).
fn is_ready(file: &Path, pid: &str) -> bool {
    let content = fs::read_to_string(file).unwrap_or_default();
    let mut lines = content.lines();
    lines.next() == Some(pid) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
