//! Real clients, run as programs.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::{Child, Command};

use crate::{
    door::{SECRET, USER},
    gateway::{DEADLINE, Gateway},
};

/// The psql of Debian without its wrapper, so that signals and library paths reach it.
const BIN: &str = "/usr/lib/postgresql/15/bin";

/// A program with the connection in its environment; it dies with its handle.
pub(crate) fn program(gateway: &Gateway, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
    command.env("PGHOST", "localhost").env("PGPORT", gateway.port.to_string()).env("PGUSER", USER);
    command.env("PGPASSWORD", SECRET).env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", gateway.ca_path());
    command.env("PGCHANNELBINDING", "require").env("PGCONNECT_TIMEOUT", "30");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// psql with the options that scripts use.
pub(crate) fn psql(gateway: &Gateway, args: &[&str]) -> Command {
    let mut command = program(gateway, Path::new(BIN).join("psql"));
    command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]).args(args);
    command
}

/// A script in Python, with psycopg2.
pub(crate) fn python(gateway: &Gateway, script: &str) -> Command {
    let mut command = program(gateway, "/usr/bin/python3");
    command.args(["-c", script]);
    command
}

/// pg_dump.
pub(crate) fn pg_dump(gateway: &Gateway, args: &[&str]) -> Command {
    let mut command = program(gateway, Path::new(BIN).join("pg_dump"));
    command.args(args);
    command
}

/// The directory with libpq 18, which speaks protocol 3.2. It is there once a server of that version has been started.
pub(crate) fn newest_libpq() -> PathBuf {
    let cache = match std::env::var_os("MAYFLY_TESTBED_CACHE") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testbed"),
    };
    let found = std::fs::read_dir(&cache).unwrap().find_map(|entry| {
        let library = entry.unwrap().path().join("native/lib");
        library.join("libpq.so.5").exists().then_some(library)
    });
    found.expect("libpq 18 comes with the newer server")
}

/// Runs a program to its end.
pub(crate) async fn output(mut command: Command) -> Output {
    tokio::time::timeout(DEADLINE, command.output()).await.expect("the program ends in time").unwrap()
}

/// Waits for the end of a program that was started.
pub(crate) async fn end(child: Child) -> Output {
    tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("the program ends in time").unwrap()
}

/// What a program printed, if it succeeded.
pub(crate) fn printed(output: Output) -> String {
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// What a program complained about, if it failed.
pub(crate) fn complaint(output: Output) -> String {
    let (stdout, stderr) = texts(&output);
    assert!(!output.status.success(), "it succeeded: {stdout}\n{stderr}");
    stderr
}

/// Standard output and standard error.
pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}
