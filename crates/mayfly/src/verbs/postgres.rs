//! Running psql and other clients of PostgreSQL's, with a connect secret in the environment of that one process. Everything else that
//! could lead the secret elsewhere or weaken the verification of the server is taken out of its environment.

use super::program;
use mayfly_wire::connect::ConnectAnswer;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What libpq reads from the environment and may go on reading: nothing of it says where to connect or whom to trust.
/// Every other variable that starts with `PG` is taken away
/// (<https://www.postgresql.org/docs/current/libpq-envars.html>).
const HARMLESS: &[&str] =
    &["PGAPPNAME", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT", "PGDATESTYLE", "PGGEQO", "PGOPTIONS", "PGTZ"];

/// What installs psql.
pub(super) const PACKAGES: &[&str] = &[
    "apt install postgresql-client   (Debian, Ubuntu)",
    "dnf install postgresql          (Fedora, Red Hat)",
    "brew install libpq              (macOS)",
];

/// A client of PostgreSQL's that is to be run with this answer. `authority` is the file with the certificate by which it believes the
/// server.
pub(super) fn command(program: PathBuf, answer: &ConnectAnswer, authority: &Path, arguments: Vec<OsString>) -> Command {
    let mut command = program::command(program);
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
        .env("PGSSLROOTCERT", authority)
        .env("PGGSSENCMODE", "disable")
        .args(arguments);
    command
}
