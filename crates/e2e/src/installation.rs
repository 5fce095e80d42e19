//! An installation in a throw-away directory, its server process, and its command line.

use crate::wait;
use anyhow::{Context, Result, bail, ensure};
use mayfly_testbed::{free_port, scratch};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How long the server may take to say that it serves.
const START_LIMIT: Duration = Duration::from_secs(20);

/// The built binary: beside the running test, where cargo puts both.
///
/// # Errors
/// A sentence that says how to build it.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("MAYFLY_BINARY") {
        return Ok(PathBuf::from(path));
    }
    let here = std::env::current_exe()?;
    let folders = here.ancestors().skip(1).take(3);
    let found = folders.map(|folder| folder.join("mayfly")).find(|path| path.is_file());
    found.context("the mayfly binary is not built: run `cargo build -p mayfly` first")
}

/// An installation. Its directory goes when it is dropped.
#[derive(Debug)]
pub struct Installation {
    directory: PathBuf,
    /// Where its API listens over HTTPS, on 127.0.0.1.
    pub https_port: u16,
    /// Where its broker listens.
    pub postgres_port: u16,
    /// Where its broker of MySQL listens.
    pub mysql_port: u16,
    /// Where its broker of MariaDB listens.
    pub mariadb_port: u16,
    /// Where its broker of SQL Server listens.
    pub mssql_port: u16,
    /// Where its SSH broker listens, on 127.0.0.1.
    pub ssh_port: u16,
    /// Where its metrics are.
    pub metrics_port: u16,
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Installation {
    /// Makes an installation by `mayfly server init`.
    ///
    /// # Errors
    /// What the command says when it fails.
    pub fn init() -> Result<Self> {
        Self::init_after(|_| ())
    }

    /// Makes an installation in a directory that is prepared first.
    ///
    /// # Errors
    /// As [`Installation::init`].
    pub fn init_after(prepare: impl FnOnce(&Path)) -> Result<Self> {
        let directory = scratch::directory("e2e")?;
        prepare(&directory);
        let made = Self::on_free_ports(directory)?;
        let output = Command::new(binary()?)
            .args(["server", "init", "--host", "localhost", "--directory"])
            .arg(&made.directory)
            .arg(format!("--https=127.0.0.1:{}", made.https_port))
            .arg(format!("--postgres=127.0.0.1:{}", made.postgres_port))
            .arg(format!("--mysql=127.0.0.1:{}", made.mysql_port))
            .arg(format!("--mariadb=127.0.0.1:{}", made.mariadb_port))
            .arg(format!("--mssql=127.0.0.1:{}", made.mssql_port))
            .arg(format!("--ssh=127.0.0.1:{}", made.ssh_port))
            .arg(format!("--metrics=127.0.0.1:{}", made.metrics_port))
            .arg("--recovery-key-file")
            .arg(made.recovery_key())
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "server init failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(made)
    }

    /// An installation in this directory, with ports that nobody uses.
    fn on_free_ports(directory: PathBuf) -> Result<Self> {
        Ok(Self {
            directory,
            https_port: free_port()?,
            postgres_port: free_port()?,
            mysql_port: free_port()?,
            mariadb_port: free_port()?,
            mssql_port: free_port()?,
            ssh_port: free_port()?,
            metrics_port: free_port()?,
        })
    }

    /// Its ports, in the order in which the settings name them.
    fn ports(&self) -> [u16; 7] {
        let Self { https_port, postgres_port, mysql_port, mariadb_port, mssql_port, ssh_port, metrics_port, .. } =
            *self;
        [https_port, postgres_port, mysql_port, mariadb_port, mssql_port, ssh_port, metrics_port]
    }

    /// An installation that somebody made in this directory by `mayfly server init --directory`, on ports of ours from now on. Its
    /// server does not run. The directory goes when this is dropped.
    ///
    /// # Errors
    /// When its settings cannot be written.
    pub fn adopt(directory: PathBuf) -> Result<Self> {
        let made = Self::on_free_ports(directory)?;
        let (names, ports) = (["https", "postgres", "mysql", "mariadb", "mssql", "ssh", "metrics"], made.ports());
        let settings = std::fs::read_to_string(made.config())?;
        let of_ours = |line: &str| names.iter().any(|name| line.starts_with(&format!("{name} = \"")));
        let kept: Vec<&str> = settings.lines().filter(|line| !of_ours(line)).collect();
        let listens = names.iter().zip(ports).map(|(name, port)| format!("{name} = \"127.0.0.1:{port}\"\n"));
        let listen = format!("[listen]\n{}", listens.collect::<String>().trim_end());
        std::fs::write(made.config(), kept.join("\n").replace("[listen]", &listen))?;
        Ok(made)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file with the recovery key that `init` gave.
    pub fn recovery_key(&self) -> PathBuf {
        self.directory.join("recovery-key")
    }

    /// Its settings file.
    pub fn config(&self) -> PathBuf {
        self.directory.join("etc/mayfly.toml")
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("run/mayfly.sock")
    }

    /// The certificate of its local authority.
    pub fn ca(&self) -> PathBuf {
        self.directory.join("data/ca.pem")
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// A copy of it in a directory of its own, with ports of its own, as somebody makes one who copies a whole machine and changes the
    /// settings so that it starts. With `shared` it uses the same directory of checkpoints, else a copy of that too.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn cloned(&self, shared: bool) -> Result<Self> {
        let directory = scratch::directory("e2e-clone")?;
        for part in ["etc", "data", "log"] {
            crate::copy(&self.directory.join(part), &directory.join(part))?;
        }
        let made = Self::on_free_ports(directory)?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is text");
        let mut settings = std::fs::read_to_string(self.config())?;
        settings = settings.replace(&text(&self.directory)?, &text(&made.directory)?);
        if shared {
            settings = settings.replace(&text(&made.directory.join("log"))?, &text(&self.directory.join("log"))?);
        }
        for (own, other) in self.ports().iter().zip(made.ports()) {
            settings = settings.replace(&format!(":{own}\""), &format!(":{other}\""));
        }
        std::fs::write(made.config(), settings)?;
        Ok(made)
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Starts the server and waits until it serves.
    ///
    /// # Errors
    /// The end of its log when it does not start.
    pub fn start(&self) -> Result<Server> {
        self.start_until(|status| status.status.success())
    }

    /// Starts the server and waits until it says that it observes.
    ///
    /// # Errors
    /// As [`Installation::start`].
    pub fn start_observing(&self) -> Result<Server> {
        self.start_until(|status| String::from_utf8_lossy(&status.stdout).contains("OBSERVING"))
    }

    fn start_until(&self, there: impl Fn(&Output) -> bool) -> Result<Server> {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path())?;
        let child = Command::new(binary()?)
            .args(["server", "run", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Server { child };
        let answers = || {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log());
            }
            Ok(there(&self.run(&["status"])?))
        };
        wait::until("the server serves", START_LIMIT, answers).with_context(|| self.log())?;
        Ok(server)
    }

    /// Runs the command line.
    ///
    /// # Errors
    /// When the binary cannot be run at all; its failure is in the output.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.run_with(arguments, "")
    }

    /// Runs the command line with this standard input.
    ///
    /// # Errors
    /// As [`Installation::run`].
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut child = self
            .command()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input closes it; that is no failure.
            let _ = stdin.write_all(input.as_bytes());
        }
        Ok(child.wait_with_output()?)
    }

    /// The command line, aimed at this installation, to be completed by the caller.
    ///
    /// # Errors
    /// When the binary is not built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.env("MAYFLY_SOCKET", self.socket()).env("NO_COLOR", "1");
        Ok(command)
    }

    /// Runs the command line and expects success.
    ///
    /// # Errors
    /// What it wrote to standard error when it fails.
    pub fn must(&self, arguments: &[&str], input: &str) -> Result<String> {
        let output = self.run_with(arguments, input)?;
        ensure!(
            output.status.success(),
            "mayfly {} ended with {}: {}\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs the command line and reads its JSON.
    ///
    /// # Errors
    /// As [`Installation::must`].
    pub fn json(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let mut all = vec!["-o", "json"];
        all.extend(arguments);
        Ok(serde_json::from_str(&self.must(&all, "")?)?)
    }

    /// The sessions that are not over.
    ///
    /// # Errors
    /// As [`Installation::must`].
    pub fn sessions(&self) -> Result<Vec<serde_json::Value>> {
        self.list(&["sessions", "ls"])
    }

    /// What is owed or kept.
    ///
    /// # Errors
    /// As [`Installation::must`].
    pub fn owed(&self) -> Result<Vec<serde_json::Value>> {
        self.list(&["cleanup", "ls"])
    }

    /// The events of one kind, as the trail holds them.
    ///
    /// # Errors
    /// As [`Installation::must`].
    pub fn events(&self, kind: &str) -> Result<Vec<serde_json::Value>> {
        let mut items = self.list(&["audit", "tail", "-n", "all"])?;
        items.retain(|event| event["kind"] == kind);
        Ok(items)
    }

    /// Expects the trail to be whole.
    ///
    /// # Errors
    /// What the verifier found.
    pub fn verify_trail(&self) -> Result<()> {
        let config = self.config();
        self.must(&["audit", "verify", "--config", config.to_str().context("a path that is text")?], "").map(drop)
    }

    /// The items of a list that the command line gives.
    ///
    /// # Errors
    /// As [`Installation::must`], and where it is no list.
    pub fn list(&self, arguments: &[&str]) -> Result<Vec<serde_json::Value>> {
        let answer = self.json(arguments)?;
        answer["items"].as_array().cloned().with_context(|| format!("not a list: {answer}"))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::env::var_os("MAYFLY_KEEP").is_some() {
            eprintln!("kept: {}", self.directory.display());
            return;
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Server {
    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server as a power cut would, and waits for its end.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill_9(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops the server in order and waits for its end.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub fn stop(mut self) -> Result<()> {
        self.signal(rustix::process::Signal::TERM)?;
        let mut status = None;
        wait::until("the server stops", Duration::from_secs(40), || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        ensure!(status.is_some_and(|status| status.success()), "the server ended with {status:?}");
        Ok(())
    }

    /// Holds the server still, or lets it go on.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.context("no pid")?, signal)?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
