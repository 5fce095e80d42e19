//! `db`, and `connect --exec`: the real psql or another client of PostgreSQL's, with a connect secret in the environment of that one process. Everything else that could lead the
//! secret elsewhere or weaken the verification of the server is taken out of its environment.

use super::{Context, program, sign_in};
use crate::args::{Connect, Db, Person};
use crate::failure::Failure;
use mayfly_wire::connect::ConnectAnswer;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use tempfile::NamedTempFile;
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

/// Signs in, runs psql, and returns its exit code; 128 and the signal's number when a signal ended it, as shells do.
///
/// # Errors
/// When psql is not there, the sign-in is refused, or psql cannot be run.
pub(super) async fn run(context: &Context, options: Db) -> Result<u8, Failure> {
    let Db { name, person, arguments } = options;
    client(context, "psql", &name, &person, arguments).await
}

/// The same with another program that reads libpq's environment, for `connect --exec`.
///
/// # Errors
/// As [`run`].
pub(super) async fn exec(context: &Context, program: &str, options: &Connect) -> Result<u8, Failure> {
    client(context, program, &options.name, &options.person, options.arguments.clone()).await
}

async fn client(
    context: &Context,
    name: &str,
    record: &str,
    person: &Person,
    arguments: Vec<OsString>,
) -> Result<u8, Failure> {
    let packages = if name == "psql" { PACKAGES } else { &[] };
    let program = program::find(name, "`mayfly connect`", packages)?;
    let answer = sign_in::connect_secret(context, person, record, None).await?;
    if answer.protocol != "postgresql" {
        return Err(Failure::usage(format!("{record} is no database: open it with `mayfly ssh {record}`")));
    }
    for note in &answer.notes {
        context.output.remark(note);
    }
    let authority = authority(&answer)?;
    let command = command(program, &answer, &authority, arguments);
    let ended = program::run(name, command, std::future::pending()).await;
    // The file is removed here whatever happened; that only the certificate of an authority stays behind if not is no harm.
    drop(authority);
    ended
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

fn command(program: PathBuf, answer: &ConnectAnswer, authority: &NamedTempFile, arguments: Vec<OsString>) -> Command {
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
        .env("PGSSLROOTCERT", authority.path())
        .env("PGGSSENCMODE", "disable")
        .args(arguments);
    command
}
