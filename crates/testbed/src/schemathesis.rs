//! The API fuzzer schemathesis (MIT), fetched into the cache: it makes requests up from the description of the API and looks at
//! the answers.

use crate::{cache, command};
use anyhow::{Context as _, Result};
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "schemathesis==4.32.5";
const FETCH_DEADLINE: Duration = Duration::from_secs(300);

/// The command, to which arguments are added.
///
/// # Errors
/// When it is not in the cache and cannot be fetched.
pub fn command() -> Result<Command> {
    let packages = cache::get(&PACKAGE.replace("==", "-"), |work| {
        let packages = work.join("packages");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--target"]).arg(&packages).arg(PACKAGE);
        command::output(&pip, FETCH_DEADLINE).with_context(|| format!("cannot fetch {PACKAGE}"))?;
        Ok(packages)
    })?;
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", packages).args(["-m", "schemathesis.cli"]);
    Ok(command)
}
