//! Small things every server needs: a directory to be thrown away, a free port, a random secret.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

/// The longest path of a scratch directory in which a Unix socket still fits: `sun_path` holds 107 bytes (unix(7)).
const LONGEST_DIRECTORY: usize = 80;

/// Chooses a TCP port on 127.0.0.1 on which nothing listens now, and that this process has not been given before.
///
/// The port lies below 32768, where Linux does not take the local ports of outgoing connections from, so that a server
/// can be stopped and started again on it.
///
/// # Errors
/// When the random source fails or a hundred tries found no free port.
pub fn free_port() -> Result<u16> {
    // What was given out is not bound yet, so only we know that it is taken.
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    for _ in 0..100 {
        let port = 15_000 + u16::try_from(random_number()? % 17_000)?;
        let is_new = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        if is_new && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("found no free port on loopback")
}

/// Makes a new directory `mayfly-<label>-<random>` under the system's temporary directory (or `/tmp`, when the path
/// would be too long for a Unix socket in it), mode 0700. The caller removes it.
///
/// # Errors
/// When the directory cannot be made.
pub fn directory(label: &str) -> Result<PathBuf> {
    let system = std::env::temp_dir();
    let fits = system.as_os_str().len() + "/mayfly--123456".len() + label.len() <= LONGEST_DIRECTORY;
    let parent = if fits { system.as_path() } else { Path::new("/tmp") };
    let made = tempfile::Builder::new()
        .prefix(&format!("mayfly-{label}-"))
        .tempdir_in(parent)
        .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
    Ok(made.keep())
}

/// Makes a secret of 128 random bits in hexadecimal: it needs no quoting anywhere.
///
/// # Errors
/// When the system's random source fails.
pub fn secret() -> Result<String> {
    Ok(format!("{:016x}{:016x}", random_number()?, random_number()?))
}

fn random_number() -> Result<u64> {
    getrandom::u64().map_err(|error| anyhow!("the random source failed: {error}"))
}
