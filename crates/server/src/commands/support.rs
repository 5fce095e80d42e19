//! The part of a support bundle that needs no server: settings, machine, store and what is owed, read from the files.

use crate::api;
use crate::config::Config;
use crate::support;
use mayfly_domain::WallTime;
use mayfly_engine::ports::ledger::Held;
use mayfly_wire::cleanup::Owed;
use mayfly_wire::support::SupportFile;
use std::path::Path;

/// What the files of an installation tell, where the server cannot be asked. What cannot be read says so in its place.
pub fn offline(config: &Path, now: WallTime) -> Vec<SupportFile> {
    let from = "the files of the installation: the server could not be asked";
    let mut files = vec![support::about(from, now), support::machine()];
    let config = match Config::read(config) {
        Ok(config) => config,
        Err(error) => {
            files.push(support::text("settings.txt", "why the settings cannot be read", Err(error)));
            return files;
        }
    };
    files.extend(support::local(&config));
    files.push(support::store(mayfly_store::facts(&config.data_directory)));
    let shown = |change| api::owed(Held { change, holds: Vec::new() });
    let owed = mayfly_store::not_over(&config.data_directory);
    let owed = owed.map(|changes| changes.into_iter().map(shown).collect::<Vec<Owed>>());
    files.push(support::json(
        "owed.json",
        "changes that may still be on their targets, also of sessions that were open",
        owed,
    ));
    files
}
