//! What somebody who helps from afar needs to know, as far as the machine and the settings tell it: also while no server runs. A part
//! that cannot be had says so in its own file and keeps none of the others back.

use crate::config::Config;
use mayfly_domain::WallTime;
use mayfly_store::Facts;
use mayfly_wire::support::SupportFile;
use rustix::fs::{StatVfs, statvfs};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A file that is text.
pub(crate) fn text(name: &str, about: &str, found: Result<String, impl Display>) -> SupportFile {
    let text = found.unwrap_or_else(|error| format!("this could not be found out: {error}\n"));
    SupportFile { name: name.to_owned(), about: about.to_owned(), text }
}

/// A file that is JSON; where it could not be found out, an object with `error`.
pub(crate) fn json(name: &str, about: &str, found: Result<impl Serialize, impl Display>) -> SupportFile {
    let value = match found {
        Ok(found) => serde_json::to_value(found).unwrap_or_else(|error| json!({ "error": error.to_string() })),
        Err(error) => json!({ "error": error.to_string() }),
    };
    text(name, about, Ok::<_, String>(format!("{value:#}\n")))
}

/// What made the bundle. `from` says how it knows.
pub(crate) fn about(from: &str, now: WallTime) -> SupportFile {
    let about = json!({
        "from": from,
        "made": now.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "built_for": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "optimised": !cfg!(debug_assertions),
    });
    json("about.json", "what made this, when, and of which version", Ok::<_, String>(about))
}

/// What the machine tells.
pub(crate) fn machine() -> SupportFile {
    let about = "the machine's kernel and release, for how long it is up, and its load";
    json("machine.json", about, Ok::<_, String>(kernel_and_load()))
}

/// What the settings tell, and the places that they name.
pub(crate) fn local(config: &Config) -> Vec<SupportFile> {
    let settings: String = config.shown().into_iter().map(|line| line + "\n").collect();
    let places = [config.data_directory.as_path(), config.audit.checkpoints.as_path()];
    vec![
        text(
            "settings.txt",
            "the settings in force; secrets are ***, with where they come from",
            Ok::<_, String>(settings),
        ),
        json("files.json", "the files of the data directory: bytes and modes", files(&config.data_directory)),
        json("disks.json", "how full the file systems of the store and of the checkpoints are", disks(&places)),
    ]
}

/// What a store tells in numbers.
pub(crate) fn store(facts: Result<Facts, impl Display>) -> SupportFile {
    let told = facts.map(|facts| {
        let (rows, sessions): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (facts.rows.into_iter().collect(), facts.sessions.into_iter().collect());
        json!({ "schema": facts.schema, "epoch": facts.epoch, "rows": rows, "sessions_by_state": sessions })
    });
    json("store.json", "the store: schema, epoch, rows of each table, sessions that are not over by state", told)
}

/// Every file of a folder, without what is in it.
fn files(folder: &Path) -> Result<Vec<Value>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // One that is just being replaced is none.
        let Ok(metadata) = entry.metadata() else { continue };
        found.push(json!({
            "name": entry.file_name().to_string_lossy(),
            "bytes": metadata.len(),
            "mode": format!("{:o}", metadata.permissions().mode() & 0o7777),
            "folder": metadata.is_dir(),
        }));
    }
    Ok(found)
}

/// How full the file systems of these places are.
fn disks(places: &[&Path]) -> Result<Vec<Value>, String> {
    let told = |place: &&Path| {
        let full = statvfs(*place).map_err(|error| format!("{}: {error}", place.display()))?;
        Ok(disk(place, &full))
    };
    places.iter().map(told).collect()
}

fn disk(place: &Path, full: &StatVfs) -> Value {
    json!({
        "path": place.display().to_string(),
        "bytes": full.f_blocks.saturating_mul(full.f_frsize),
        "bytes_free": full.f_bavail.saturating_mul(full.f_frsize),
        "files": full.f_files,
        "files_free": full.f_favail,
    })
}

fn kernel_and_load() -> Value {
    let kernel = rustix::system::uname();
    let told = rustix::system::sysinfo();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    json!({
        "kernel": format!("{} {}", kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy()),
        "release": pretty.map(|name| name.trim_matches('"')),
        "processors": std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get),
        "up_s": told.uptime,
        "load": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        "memory": fs::read_to_string("/proc/meminfo").unwrap_or_default().lines().take(3).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_cannot_be_had_says_so_in_its_place() {
        let file = json("a.json", "a", Err::<(), _>("no such thing"));
        assert_eq!(serde_json::from_str::<Value>(&file.text).unwrap(), json!({ "error": "no such thing" }));
        assert!(text("a.txt", "a", Err("gone")).text.contains("gone"));
        assert!(files(Path::new("/nonexistent")).unwrap_err().contains("/nonexistent"));
        assert!(kernel_and_load()["kernel"].as_str().unwrap().starts_with("Linux"));
    }
}
