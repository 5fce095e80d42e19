//! Clients of SQL Server that are not ours: FreeTDS's `tsql` from Debian, pymssql and tedious, each fetched in one version into
//! the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{cache, command};

const FETCH_DEADLINE: Duration = Duration::from_secs(300);
const PYMSSQL: &str = "pymssql==2.4.6";
const TEDIOUS: &str = "tedious-19.2.2";

/// A server as a client sees it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where the certificate of its authority is.
    pub ca: PathBuf,
}

/// `tsql` with TLS that is verified; statements come on its standard input. `directory` is for its settings. `version` is that
/// of the protocol, as it writes it (`7.4`).
///
/// # Errors
/// When the settings cannot be written.
pub fn tsql(server: &Server, directory: &Path, login: (&str, &str), database: &str, version: &str) -> Result<Command> {
    let settings = directory.join("freetds.conf");
    let text = format!("[global]\nencryption = require\nca file = {}\nclient charset = UTF-8\n", server.ca.display());
    fs::write(&settings, text).context("cannot write FreeTDS's settings")?;
    let mut command = Command::new("tsql");
    command.env("FREETDSCONF", settings).env("TDSVER", version).env("LC_ALL", "C.UTF-8");
    command.args(["-o", "q", "-H", &server.host, "-p", &server.port.to_string(), "-U", login.0, "-P", login.1]);
    if !database.is_empty() {
        command.args(["-D", database]);
    }
    Ok(command)
}

/// A script of Python that has `pymssql`. FreeTDS within it verifies no certificate.
///
/// # Errors
/// When it is not in the cache and cannot be fetched.
pub fn pymssql(script: &str) -> Result<Command> {
    let packages = cache::get(&PYMSSQL.replace("==", "-"), |work| {
        let packages = work.join("packages");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--target"]).arg(&packages).arg(PYMSSQL);
        command::output(&pip, FETCH_DEADLINE).with_context(|| format!("cannot fetch {PYMSSQL}"))?;
        Ok(packages)
    })?;
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", packages).args(["-c", script]);
    Ok(command)
}

/// A script of Node.js that has `tedious`, with arguments. The packages are those of our lock file.
///
/// # Errors
/// When they are not in the cache and cannot be fetched.
pub fn tedious(script: &str, arguments: &[&str]) -> Result<Command> {
    let packages = cache::get(TEDIOUS, |work| {
        let packages = work.join("packages");
        fs::create_dir(&packages).context("cannot make a directory")?;
        for (name, content) in
            [("package.json", include_str!("package.json")), ("package-lock.json", include_str!("package-lock.json"))]
        {
            fs::write(packages.join(name), content).with_context(|| format!("cannot write {name}"))?;
        }
        let mut npm = Command::new("npm");
        npm.current_dir(&packages).args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.env("npm_config_cache", work.join("npm"));
        command::output(&npm, FETCH_DEADLINE).context("cannot fetch tedious")?;
        Ok(packages)
    })?;
    let mut command = Command::new("node");
    command.current_dir(packages).args(["-e", script, "--"]).args(arguments);
    Ok(command)
}
