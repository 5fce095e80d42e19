//! Which addresses a host gets: one of 256 networks of two addresses each, locked for as long as the host lives, so that
//! neither tests of one process nor several processes get the same.
//!
//! The lock file names the host's scratch directory. A lock that nobody holds while its directory is still there is of
//! a process that was killed together with its watchdog; what that one left is cleaned up then.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::command;
use crate::watchdog::Watchdog;

/// Where the locks are. Only root can write there.
const LOCKS: &str = "/run/mayfly-testbed";

/// How the names of hosts' scratch directories begin; nothing else is ever cleaned up.
const DIRECTORY: &str = "mayfly-host-";

/// The first two bytes of all addresses.
const NETWORK: [u8; 2] = [10, 213];

/// A network of one's own. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Subnet {
    number: u8,
    lock: File,
}

impl Subnet {
    /// Takes a free network for the host in `scratch`, after cleaning up after hosts whose processes were killed.
    ///
    /// # Errors
    /// When the lock files cannot be written or all networks are in use.
    pub(super) fn take(scratch: &Path) -> Result<Self> {
        fs::create_dir_all(LOCKS).with_context(|| format!("cannot make {LOCKS}"))?;
        // Also those that nobody will take next.
        for entry in fs::read_dir(LOCKS).with_context(|| format!("cannot read {LOCKS}"))? {
            drop(locked(&entry?.path())?);
        }
        let first = getrandom::u32().map_err(|error| anyhow!("the random source failed: {error}"))?.to_le_bytes()[0];
        for offset in 0..=u8::MAX {
            let number = first.wrapping_add(offset);
            let Some(mut lock) = locked(&lock_path(number))? else { continue };
            if in_use(number)? {
                continue;
            }
            write!(lock, "{}", scratch.display()).context("cannot write a lock file")?;
            return Ok(Self { number, lock });
        }
        bail!("all 256 networks for hosts are in use")
    }

    /// Which of the networks it is.
    pub(super) fn number(&self) -> u8 {
        self.number
    }

    /// The first three bytes of its addresses, as text.
    pub(super) fn prefix(&self) -> String {
        format!("{}.{}.{}", NETWORK[0], NETWORK[1], self.number)
    }

    /// The address on the machine's side.
    pub(super) fn near(&self) -> Ipv4Addr {
        Ipv4Addr::new(NETWORK[0], NETWORK[1], self.number, 1)
    }

    /// The host's address.
    pub(super) fn far(&self) -> Ipv4Addr {
        Ipv4Addr::new(NETWORK[0], NETWORK[1], self.number, 2)
    }
}

impl Drop for Subnet {
    fn drop(&mut self) {
        // An empty lock file tells that nothing is left. The lock itself goes with the file.
        let _ = self.lock.set_len(0);
    }
}

fn lock_path(number: u8) -> PathBuf {
    Path::new(LOCKS).join(format!("{number}.lock"))
}

/// The open and empty file if nobody else holds its lock; then what its last holder left has been cleaned up.
fn locked(path: &Path) -> Result<Option<File>> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = opened.with_context(|| format!("cannot open {}", path.display()))?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let mut left = String::new();
    file.read_to_string(&mut left).context("cannot read a lock file")?;
    let directory = Path::new(&left);
    if directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DIRECTORY)) {
        // Starting a watchdog and letting go of it at once is what the killed process did not come to.
        drop(Watchdog::start(directory, "KILL")?);
    }
    file.set_len(0).context("cannot empty a lock file")?;
    file.rewind().context("cannot rewind a lock file")?;
    Ok(Some(file))
}

/// Whether the machine has an address in the network already, which then is not ours.
fn in_use(number: u8) -> Result<bool> {
    let network = format!("{}.{}.{number}.0/24", NETWORK[0], NETWORK[1]);
    let mut query = Command::new("ip");
    query.args(["-4", "-oneline", "address", "show", "to", &network]);
    let found = command::output(&query, Duration::from_secs(10)).context("cannot list the machine's addresses")?;
    Ok(!found.trim().is_empty())
}
