//! cargo-deny: licences, bans and sources of every dependency, and advisories where their database is on this machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::{process, workspace};

/// The version that is installed where none is on the path.
const VERSION: &str = "0.20.2";

/// Runs the checks of `deny.toml`; returns whether all of them passed.
///
/// # Errors
/// When cargo-deny is not there and cannot be installed.
pub(crate) fn run() -> anyhow::Result<bool> {
    let program = program()?;
    let checked = process::succeeds(&mut check(&program, &["licenses", "bans", "sources"]))?;
    if !has_database(cargo_home()) {
        println!("advisories: not checked (no database here)");
        return Ok(checked);
    }
    Ok(process::succeeds(&mut check(&program, &["--disable-fetch", "advisories"]))? && checked)
}

fn check(program: &OsString, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).args(["check", "--hide-inclusion-graph"]);
    command.args(arguments);
    command
}

/// The cargo-deny on the path, else our own, which is installed first when it is not there.
fn program() -> anyhow::Result<OsString> {
    if process::on_path("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let tools = workspace::target().join("tools");
    let own = tools.join("bin/cargo-deny");
    if !own.is_file() {
        println!("installing cargo-deny {VERSION}, once (about a minute)");
        let build = tools.join("build");
        let mut install = workspace::cargo();
        // Not optimised and without debugging information: it runs for a second and is built in a third of the time.
        install.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--quiet"]);
        install.arg("--root").arg(&tools).arg("--target-dir").arg(&build);
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        anyhow::ensure!(process::succeeds(&mut install)?, "cannot install cargo-deny");
        std::fs::remove_dir_all(&build).context("cannot remove what building cargo-deny left")?;
    }
    Ok(own.into())
}

fn cargo_home() -> Option<PathBuf> {
    let default = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(default)
}

/// Whether an advisory database lies where cargo-deny looks for it.
fn has_database(cargo_home: Option<PathBuf>) -> bool {
    let folder = cargo_home.map(|home| home.join("advisory-dbs"));
    folder
        .and_then(|folder| folder.read_dir().ok())
        .is_some_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_dir())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_folder_where_cargo_deny_looks() {
        let home = tempfile::tempdir().unwrap();
        assert!(!has_database(None));
        assert!(!has_database(Some(home.path().to_owned())));
        let folder = home.path().join("advisory-dbs");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("db.lock"), "").unwrap();
        assert!(!has_database(Some(home.path().to_owned())));
        std::fs::create_dir(folder.join("advisory-db-3157b0e258782691")).unwrap();
        assert!(has_database(Some(home.path().to_owned())));
    }
}
