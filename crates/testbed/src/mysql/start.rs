//! Starting, stopping and mistreating a throw-away server.

use std::fs::{self, File};
use std::ops::Deref;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::binaries::{self, Programs};
use super::{Flavour, MysqlHandle, Options, template};
use crate::certificates::Certificates;
use crate::command::Account;
use crate::postgres::Login;
use crate::scratch;
use crate::watchdog::{Watchdog, processes_in, until, wait};

const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// Another process may have taken the port between our look and the server's bind.
const PORT_TRIES: u32 = 5;

/// A throw-away server of one's own. It stops and its directory is removed when this is dropped or the process ends,
/// however it ends. Derefs to [`MysqlHandle`].
#[derive(Debug)]
pub struct Mysql {
    handle: MysqlHandle,
    options: Options,
    account: Account,
    programs: Programs,
    server: Mutex<Option<Child>>,
    watchdog: Watchdog,
}

impl Deref for Mysql {
    type Target = MysqlHandle;

    fn deref(&self) -> &MysqlHandle {
        &self.handle
    }
}

impl Mysql {
    /// Copies a new data directory and starts a server on it, ready for connections; a second or two, and some more the
    /// first time.
    ///
    /// # Errors
    /// When the programs are missing or the server is not ready at the deadline; the text has the tail of its log.
    pub fn start(options: Options) -> Result<Self> {
        let account = Account::unprivileged()?;
        let programs = binaries::programs(options.flavour)?;
        let watchdog = Watchdog::start(&scratch::directory("my")?, "TERM")?;
        let directory = watchdog.directory().to_owned();
        account.give(&directory)?;
        let certificates = Certificates::generate()?;
        account.write_private(&directory.join("ca.crt"), &certificates.ca)?;
        account.write_private(&directory.join("server.crt"), &certificates.certificate)?;
        account.write_private(&directory.join("server.key"), &certificates.key)?;
        template::copy(options.flavour, &programs, &account, &directory.join("data"))?;
        // Its own: a server that starts removes what others have in a shared one.
        fs::create_dir(directory.join("tmp")).context("cannot make a directory")?;
        account.give(&directory.join("tmp"))?;
        let root = Login { user: "root".to_owned(), password: scratch::secret()? };
        let handle = MysqlHandle {
            flavour: options.flavour,
            version: programs.version.clone(),
            port: 0,
            root,
            ca_pem: certificates.ca,
            directory,
        };
        let mut server = Self { handle, options, account, programs, server: Mutex::new(None), watchdog };
        server.first_start()?;
        Ok(server)
    }

    /// Starts with a file of statements that give root its password before anybody can connect.
    fn first_start(&mut self) -> Result<()> {
        let file = self.handle.directory.join("first.sql");
        let password = &self.handle.root.password;
        // One statement a line: that is how the server reads it. Root comes over the socket and over TCP, from nowhere else.
        let mut statements = format!(
            "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n\
             ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n\
             CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
             GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;\n"
        );
        if self.flavour() == Flavour::MariaDb {
            statements.push_str("GRANT PROXY ON ''@'%' TO 'root'@'127.0.0.1' WITH GRANT OPTION;\n");
        }
        self.account.write_private(&file, &statements)?;
        for tries_left in (0..PORT_TRIES).rev() {
            self.handle.port = scratch::free_port()?;
            match self.launch(&[format!("--init-file={}", file.display())]) {
                Ok(()) => break,
                Err(_) if tries_left > 0 && self.error_log().contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
        fs::remove_file(&file).context("cannot remove the file with root's password")?;
        // What was said so far has root's password in it.
        File::options().write(true).truncate(true).open(self.log_path()).context("cannot empty the log")?;
        Ok(())
    }

    /// How to reach it. A clone is still a value when the server is gone.
    #[must_use]
    pub fn handle(&self) -> &MysqlHandle {
        &self.handle
    }

    /// The process id of the server.
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn pid(&self) -> Result<u32> {
        self.lock().as_ref().map(Child::id).context("the server is stopped")
    }

    /// Stops the server in order.
    ///
    /// # Errors
    /// When it is stopped already, or has not ended after 60 s.
    pub fn stop(&self) -> Result<()> {
        self.end(Signal::TERM)
    }

    /// Kills the server outright, as a crash would.
    ///
    /// # Errors
    /// When it is stopped already.
    pub fn kill_9(&self) -> Result<()> {
        self.end(Signal::KILL)
    }

    /// Starts the server again with the same port and data; stops it first if it runs.
    ///
    /// # Errors
    /// As [`Mysql::start`].
    pub fn restart(&self) -> Result<()> {
        if self.lock().is_some() {
            self.stop()?;
        }
        self.launch(&[])
    }

    /// Stops the process with SIGSTOP, which is how an overloaded or hung target looks.
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Ends [`Mysql::pause`].
    ///
    /// # Errors
    /// When the server is stopped.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()?)?;
        let pid = Pid::from_raw(pid).context("a process without an id")?;
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to the server"))
    }

    fn end(&self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        // A paused process takes no other signal than KILL until it is woken.
        self.signal(Signal::CONT)?;
        let mut server = self.lock();
        if let Some(child) = server.as_mut() {
            ensure!(wait(child, STOP_DEADLINE), "the server did not stop within {STOP_DEADLINE:?}");
        }
        *server = None;
        let data = self.handle.directory.join("data");
        let gone = until(STOP_DEADLINE, || processes_in(&data).is_ok_and(|pids| pids.is_empty()));
        ensure!(gone, "children of the server were still there after {STOP_DEADLINE:?}");
        Ok(())
    }

    fn launch(&self, more: &[String]) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.error_path()).context("cannot open the log")?;
        let mut command = self.programs.server.command_as(&self.account, &self.handle.directory);
        command.arg("--no-defaults").args(&self.programs.places).args(self.settings()).args(more);
        command.stdout(log.try_clone()?).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // A socket that a killed server left would look like this one's.
        let _ = fs::remove_file(self.socket());
        let mut child = command.spawn().context("cannot start the server")?;
        let mut ended = false;
        let answered = until(self.options.deadline, || {
            ended = !matches!(child.try_wait(), Ok(None));
            ended || self.socket().exists() && self.sql("", "SELECT 1").is_ok()
        });
        if answered && !ended {
            *self.lock() = Some(child);
            return Ok(());
        }
        let _ = child.kill();
        let _ = child.wait();
        let what = if ended { "ended while starting" } else { "was not ready at the deadline" };
        bail!("{} {what}; the end of its log:\n{}", self.flavour().title(), tail(&self.error_log()))
    }

    fn settings(&self) -> Vec<String> {
        let directory = self.handle.directory.display();
        let mut settings = vec![
            format!("--datadir={directory}/data"),
            format!("--socket={directory}/s.sock"),
            format!("--pid-file={directory}/pid"),
            format!("--tmpdir={directory}/tmp"),
            format!("--port={}", self.handle.port),
            // MariaDB is told apart by it, since all copies of a data directory were made at the same time.
            format!("--server-id={}", self.handle.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            format!("--ssl-ca={directory}/ca.crt"),
            format!("--ssl-cert={directory}/server.crt"),
            format!("--ssl-key={directory}/server.key"),
            format!("--max-connections={}", self.options.max_connections),
            format!("--event-scheduler={}", if self.options.events { "ON" } else { "OFF" }),
            "--general-log=ON".to_owned(),
            format!("--general-log-file={directory}/general.log"),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--table-open-cache=200".to_owned(),
            "--table-definition-cache=400".to_owned(),
        ];
        if self.flavour() == Flavour::MySql {
            settings.push("--innodb-redo-log-capacity=8M".to_owned());
        }
        if !self.options.durable {
            let fast = ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"];
            settings.extend(fast.map(str::to_owned));
        }
        settings
    }
}

impl Drop for Mysql {
    fn drop(&mut self) {
        // The watchdog ends all processes of the directory; the server, our child, has to be reaped besides.
        self.watchdog.end();
        if let Some(mut child) = self.lock().take() {
            wait(&mut child, STOP_DEADLINE);
        }
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
