//! `db`: the real psql, with a connect secret in the environment of that one process. Everything else that could lead the
//! secret elsewhere or weaken the verification of the server is taken out of its environment.

use super::{Context, sign_in};
use crate::args::Db;
use crate::failure::{Exit, Failure};
use mayfly_wire::connect::ConnectAnswer;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What libpq reads from the environment and may go on reading: nothing of it says where to connect or whom to trust.
/// Every other variable that starts with `PG` is taken away
/// (<https://www.postgresql.org/docs/current/libpq-envars.html>).
const HARMLESS: &[&str] =
    &["PGAPPNAME", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT", "PGDATESTYLE", "PGGEQO", "PGOPTIONS", "PGTZ"];

/// Signs in, runs psql, and returns its exit code; 128 and the signal's number when a signal ended it, as shells do.
///
/// # Errors
/// When psql is not there, the sign-in is refused, or psql cannot be run.
pub(super) async fn run(context: &Context, options: Db) -> Result<u8, Failure> {
    let program = find("psql").ok_or_else(missing)?;
    let answer = sign_in::connect_secret(context, &options.person, &options.name, None).await?;
    if answer.protocol != "postgresql" {
        let text = format!(
            "{} is no database: what its client needs is printed by `mayfly connect {}`",
            options.name, options.name
        );
        return Err(Failure::usage(text));
    }
    for note in &answer.notes {
        context.output.remark(note);
    }
    let authority = authority(&answer)?;
    let mut signals = Signals::new()?;
    let child = command(program, &answer, &authority, options.arguments).spawn();
    let mut child = child.map_err(|error| Failure::unexpected(format!("cannot run psql: {error}")))?;
    let status = signals.pass_on_until_end(&mut child).await;
    // The file is removed here whatever happened; that only the certificate of an authority stays behind if not is no harm.
    drop(authority);
    status.map(|status| code(&status)).map_err(|error| Failure::unexpected(format!("cannot wait for psql: {error}")))
}

/// The file of that name in the first folder of PATH that has one.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn missing() -> Failure {
    Failure::own(
        Exit::Wrapper,
        "psql is not installed, or not in PATH: install PostgreSQL's client, or let `mayfly connect` print what another \
         client needs",
    )
    .hint("apt install postgresql-client   (Debian, Ubuntu)")
    .hint("dnf install postgresql          (Fedora, Red Hat)")
    .hint("brew install libpq              (macOS)")
}

/// The authority's certificate in a file that only this user can read, and that goes away with its value.
fn authority(answer: &ConnectAnswer) -> Result<NamedTempFile, Failure> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix("mayfly-ca-").suffix(".pem").tempfile()?;
        file.write_all(answer.ca_pem.as_bytes())?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| {
        Failure::unexpected(format!("cannot write the server's certificate to a temporary file: {error}"))
    })
}

#[expect(clippy::disallowed_methods, reason = "the command line client runs the person's own psql")]
fn command(program: PathBuf, answer: &ConnectAnswer, authority: &NamedTempFile, arguments: Vec<OsString>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") && !HARMLESS.contains(&text.as_ref()) {
            command.env_remove(name);
        }
    }
    command
        .env("PGHOST", &answer.host)
        .env("PGPORT", answer.port.to_string())
        .env("PGUSER", &answer.user)
        .env("PGDATABASE", &answer.database)
        .env("PGPASSWORD", &answer.secret)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", authority.path())
        .env("PGGSSENCMODE", "disable")
        .args(arguments);
    command
}

/// psql's exit code as ours.
fn code(status: &ExitStatus) -> u8 {
    let of_signal = || status.signal().map(|signal| 128_i32.saturating_add(signal));
    status.code().or_else(of_signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Wrapper.code())
}

/// Signals that are psql's to handle. The terminal sends an interrupt to both of us: psql cancels its query, we stay, since
/// the temporary file is ours to remove.
struct Signals {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|error| Failure::unexpected(format!("cannot handle signals: {error}")));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            quit: take(SignalKind::quit())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// Waits for the child; what was sent to us alone is passed on.
    async fn pass_on_until_end(&mut self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            let signal = tokio::select! {
                status = child.wait() => return status,
                _ = self.interrupt.recv() => continue,
                _ = self.quit.recv() => continue,
                _ = self.terminate.recv() => rustix::process::Signal::TERM,
                _ = self.hang_up.recv() => rustix::process::Signal::HUP,
            };
            let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
            if let Some(id) = id {
                // A child that is gone already is what was wanted.
                let _ = rustix::process::kill_process(id, signal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_status_passes_through() {
        assert_eq!(code(&ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(&ExitStatus::from_raw(0)), 0);
        assert_eq!(code(&ExitStatus::from_raw(9)), 137);
    }
}
