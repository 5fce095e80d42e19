//! `db`, and `connect --exec`: the real client of a database, with a connect secret that is in no argument. Which client it is follows
//! from the record.

use super::{Context, mysql, postgres, program, sign_in};
use crate::args::{Connect, Db, Person};
use crate::failure::Failure;
use mayfly_wire::connect::ConnectAnswer;
use std::ffi::OsString;
use std::io::Write as _;
use tempfile::NamedTempFile;

/// The clients that `db` runs, each with what installs it.
const CLIENTS: [(&str, &[&str]); 3] =
    [("psql", postgres::PACKAGES), ("mysql", mysql::PACKAGES), ("mariadb", mysql::PACKAGES)];

/// What is said instead of a client that is not there.
const INSTEAD: &str = "`mayfly connect`";

/// Signs in, runs the record's client, and returns its exit code; 128 and the signal's number when a signal ended it, as shells
/// do.
///
/// # Errors
/// When the client is not there, the sign-in is refused, or the client cannot be run.
pub(super) async fn run(context: &Context, options: Db) -> Result<u8, Failure> {
    let Db { name, person, arguments } = options;
    client(context, None, &name, &person, arguments).await
}

/// The same with another program of the database's, for `connect --exec`.
///
/// # Errors
/// As [`run`].
pub(super) async fn exec(context: &Context, program: &str, options: &Connect) -> Result<u8, Failure> {
    client(context, Some(program), &options.name, &options.person, options.arguments.clone()).await
}

async fn client(
    context: &Context,
    named: Option<&str>,
    record: &str,
    person: &Person,
    arguments: Vec<OsString>,
) -> Result<u8, Failure> {
    // Nobody is asked for anything where nothing could be run.
    match named {
        Some(name) => drop(program::find(name, INSTEAD, &[])?),
        None if CLIENTS.iter().all(|(name, _)| program::find(name, INSTEAD, &[]).is_err()) => {
            program::find(CLIENTS[0].0, INSTEAD, CLIENTS[0].1)?;
        }
        None => {}
    }
    let answer = sign_in::connect_secret(context, person, record, None).await?;
    let candidates: &[&str] = match answer.protocol.as_str() {
        "postgresql" => &["psql"],
        "mysql" => &["mysql", "mariadb"],
        "mariadb" => &["mariadb", "mysql"],
        "mssql" => {
            let text =
                format!("there is no one client of SQL Server to run: `mayfly connect {record}` says what yours needs");
            return Err(Failure::usage(text));
        }
        _ => return Err(Failure::usage(format!("{record} is no database: open it with `mayfly ssh {record}`"))),
    };
    let name = named.unwrap_or_else(|| first(candidates));
    let packages = CLIENTS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, packages)| packages);
    let program = program::find(name, INSTEAD, packages)?;
    for note in &answer.notes {
        context.output.remark(note);
    }
    let authority = authority(&answer)?;
    let ended = match answer.protocol.as_str() {
        "postgresql" => {
            let command = postgres::command(program, &answer, authority.path(), arguments);
            program::run(name, command, std::future::pending()).await
        }
        _ => {
            let options = mysql::options(&program, &answer, authority.path()).await?;
            let command = mysql::command(program, &answer, options.path(), arguments);
            let ended = program::run(name, command, std::future::pending()).await;
            drop(options);
            ended
        }
    };
    // The file is removed here whatever happened; that only the certificate of an authority stays behind if not is no harm.
    drop(authority);
    ended
}

/// The first of these programs that is here, or the first of all.
fn first<'a>(candidates: &[&'a str]) -> &'a str {
    let here = candidates.iter().find(|name| program::find(name, INSTEAD, &[]).is_ok());
    here.or(candidates.first()).copied().unwrap_or("psql")
}

/// The authority's certificate in a file that only this user can read, and that goes away with its value.
fn authority(answer: &ConnectAnswer) -> Result<NamedTempFile, Failure> {
    temporary("mayfly-ca-", ".pem", &answer.ca_pem)
}

/// A file that only this user can read, and that goes away with its value.
///
/// # Errors
/// When it cannot be written.
pub(super) fn temporary(prefix: &str, suffix: &str, text: &str) -> Result<NamedTempFile, Failure> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(prefix).suffix(suffix).tempfile()?;
        file.write_all(text.as_bytes())?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| {
        Failure::unexpected(format!("cannot write what the client needs to a temporary file: {error}"))
    })
}
