//! Data directories that were made once: making one takes seconds, copying one a tenth of one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Flavour;
use super::binaries::Programs;
use crate::command::{self, Account};
use crate::{cache, scratch};

const DEADLINE: Duration = Duration::from_secs(120);

/// Copies a new data directory of this version to `to`, owned by `account`. Its root has no password yet.
pub(super) fn copy(flavour: Flavour, programs: &Programs, account: &Account, to: &Path) -> Result<()> {
    let template = made(flavour, programs)?;
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--no-target-directory"]).arg(&template).arg(to);
    command::output(&copy, DEADLINE).context("cannot copy the data directory")?;
    account.give_all(to)
}

fn made(flavour: Flavour, programs: &Programs) -> Result<PathBuf> {
    let version: String = programs.version.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    cache::get(&format!("data-{}-{version}", flavour.title().to_lowercase()), |work| {
        // Made where the account that runs it may write, whatever the cache's place.
        let account = Account::unprivileged()?;
        let directory = scratch::directory("data")?;
        let made = make(flavour, programs, &account, &directory, work);
        let _ = std::fs::remove_dir_all(&directory);
        made
    })
}

fn make(flavour: Flavour, programs: &Programs, account: &Account, directory: &Path, work: &Path) -> Result<PathBuf> {
    account.give(directory)?;
    let data = directory.join("data");
    let mut init = match flavour {
        Flavour::MariaDb => {
            let mut init = account.command(Path::new("/usr/bin/mariadb-install-db"), directory);
            init.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            init.arg("--skip-name-resolve");
            init
        }
        Flavour::MySql => {
            let mut init = programs.server.command_as(account, directory);
            init.arg("--no-defaults").args(&programs.places).args(["--initialize-insecure", "--skip-log-bin"]);
            init.args(["--innodb-redo-log-capacity=8M", "--innodb-flush-method=nosync"]);
            init
        }
    };
    init.arg(format!("--datadir={}", data.display()));
    command::output(&init, DEADLINE).with_context(|| format!("cannot make a data directory of {}", flavour.title()))?;
    // Each copy has an identity of its own.
    let _ = std::fs::remove_file(data.join("auto.cnf"));
    let mut copy = Command::new("cp");
    copy.arg("--recursive").arg(&data).arg(work.join("data"));
    command::output(&copy, DEADLINE)?;
    Ok(work.join("data"))
}
