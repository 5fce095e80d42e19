//! `server cleanup`: what the store holds that may still be on targets, read from its files where no server runs and no key is left.

use crate::api;
use crate::config::{Config, ConfigError};
use mayfly_domain::Failure;
use mayfly_engine::ports::ledger::{ChangeRow, Held};
use mayfly_providers::Registry;
use mayfly_store::OpenError;
use mayfly_wire::cleanup::{Manual, Owed};
use std::path::Path;

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum OwedError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store holds no such change, or it is over.
    #[error("the store holds no change {0} that may still be on a target")]
    NoChange(String),
    /// What was written down cannot be read.
    #[error("{0}")]
    Unreadable(Failure),
}

fn changes(config: &Path) -> Result<Vec<ChangeRow>, OwedError> {
    let config = Config::read(config)?;
    Ok(mayfly_store::not_over(&config.data_directory)?)
}

/// Every change that may still be on its target, in the order in which they are undone.
///
/// # Errors
/// [`OwedError`].
pub fn owed(config: &Path) -> Result<Vec<Owed>, OwedError> {
    let shown = |change| api::owed(Held { change, holds: Vec::new() });
    Ok(changes(config)?.into_iter().map(shown).collect())
}

/// How one of them is undone by hand.
///
/// # Errors
/// [`OwedError`].
pub fn by_hand(config: &Path, id: &str) -> Result<Manual, OwedError> {
    let found = changes(config)?.into_iter().find(|change| change.id.as_str() == id);
    let change = found.ok_or_else(|| OwedError::NoChange(id.to_owned()))?;
    let script = Registry::by_hand(&change).map_err(OwedError::Unreadable)?;
    Ok(Manual { id: id.to_owned(), script })
}
