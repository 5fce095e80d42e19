//! A PgBouncer in front of a server, the yardstick of the relay's benchmark.

use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::certificates::Certificates;
use crate::command::Account;
use crate::postgres::{Login, PostgresHandle};
use crate::scratch;
use crate::watchdog::{Watchdog, until, wait};

const PROGRAM: &str = "/usr/sbin/pgbouncer";
const DEADLINE: Duration = Duration::from_secs(30);

/// When a server connection goes back to the pool (`pool_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// After the client has disconnected.
    Session,
    /// After each transaction.
    Transaction,
}

/// A running PgBouncer with TLS to both sides. It stops when dropped, or when the process ends.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    ca_pem: String,
    process: Child,
    watchdog: Watchdog,
}

impl PgBouncer {
    /// Starts Debian's PgBouncer before `server`: clients log in as one of `users` by SCRAM over TLS with a
    /// certificate of its own, and it does the same at the server, whose certificate it verifies. `connections` is the
    /// size of each pool; ten times as many clients may connect, at least 1,000.
    ///
    /// # Errors
    /// When the package `pgbouncer` is not installed or it does not start; the text has its log.
    pub fn start(server: &PostgresHandle, mode: PoolMode, users: &[Login], connections: u32) -> Result<Self> {
        ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: install pgbouncer");
        let account = Account::unprivileged()?;
        let watchdog = Watchdog::start(&scratch::directory("bouncer")?, "TERM")?;
        let directory = watchdog.directory().to_owned();
        account.give(&directory)?;
        let certificates = Certificates::generate()?;
        account.write_private(&directory.join("server-ca.crt"), server.ca_pem())?;
        account.write_private(&directory.join("client.crt"), &certificates.certificate)?;
        account.write_private(&directory.join("client.key"), &certificates.key)?;
        account.write_private(&directory.join("userlist.txt"), &userlist(users)?)?;
        let port = scratch::free_port()?;
        let settings = settings(server, mode, connections, port, &directory);
        account.write_private(&directory.join("pgbouncer.ini"), &settings)?;

        let log_path = directory.join("bouncer.log");
        let log = File::create(&log_path).context("cannot make the log")?;
        let mut command = account.command(Path::new(PROGRAM), &directory);
        command.arg("pgbouncer.ini").stdout(log.try_clone()?).stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().context("cannot start pgbouncer")?;
        let mut bouncer = Self { port, ca_pem: certificates.ca, process, watchdog };
        let mut ended = false;
        let listening = until(DEADLINE, || {
            ended = !matches!(bouncer.process.try_wait(), Ok(None));
            ended || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        if ended || !listening {
            bail!("pgbouncer did not start:\n{}", std::fs::read_to_string(&log_path).unwrap_or_default());
        }
        Ok(bouncer)
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The certificate of the authority of its own certificate (for `localhost` and 127.0.0.1), PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The file with the same; it goes with the server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ca_path(&self) -> Result<std::path::PathBuf> {
        let path = self.watchdog.directory().join("ca.crt");
        std::fs::write(&path, &self.ca_pem).context("cannot write ca.crt")?;
        Ok(path)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.watchdog.end();
        wait(&mut self.process, DEADLINE);
    }
}

fn settings(server: &PostgresHandle, mode: PoolMode, connections: u32, port: u16, directory: &Path) -> String {
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let (host, target, directory) = (server.host(), server.port(), directory.display());
    let clients = connections.saturating_mul(10).max(1_000);
    format!(
        "[databases]\n* = host={host} port={target}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = {directory}/userlist.txt\npool_mode = {mode}\n\
         default_pool_size = {connections}\nmax_client_conn = {clients}\n\
         client_tls_sslmode = require\nclient_tls_cert_file = {directory}/client.crt\n\
         client_tls_key_file = {directory}/client.key\n\
         server_tls_sslmode = verify-full\nserver_tls_ca_file = {directory}/server-ca.crt\n\
         log_connections = 0\nlog_disconnections = 0\nignore_startup_parameters = extra_float_digits\n"
    )
}

fn userlist(users: &[Login]) -> Result<String> {
    let mut lines = String::new();
    for Login { user, password } in users {
        ensure!(!user.contains('\n') && !password.contains('\n'), "a user list has one user a line");
        let quote = |text: &str| text.replace('"', "\"\"");
        lines.push_str(&format!("\"{}\" \"{}\"\n", quote(user), quote(password)));
    }
    Ok(lines)
}
