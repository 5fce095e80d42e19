//! `mayfly server check`: reads everything that a start reads, and opens nothing to anybody.

use crate::config::Config;
use crate::wire_up::{StartError, open_vault};
use crate::{authority, keys, sinks, traces, user_authority};
use mayfly_domain::WallTime;
use std::path::Path;

/// What a start would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Lines of what is in force: setting, value, and where a secret comes from. No secret is in them.
    pub settings: Vec<String>,
    /// The name of the installation's key.
    pub fingerprint: String,
    /// The verifier key of the trail's checkpoints.
    pub audit_key: String,
}

/// Checks what a start needs: the settings, the keys, that the installation's key fits the store, and the local authorities.
///
/// # Errors
/// [`StartError`] as `run` would give it.
pub fn check(path: &Path, now: WallTime) -> Result<CheckReport, StartError> {
    let config = Config::read(path)?;
    let vault = open_vault(&config)?;
    let installation = mayfly_store::installation(&config.data_directory)?;
    let audit = keys::audit_key(&config.keys)?;
    let own = authority::server_tls(&config.data_directory, &vault, &config.public_host, now)?;
    authority::https_tls(config.https.as_ref(), &own)?;
    sinks::make(&config).map_err(StartError::Sink)?;
    traces::make(&config).map_err(StartError::Sink)?;
    user_authority::load(&config.data_directory, &vault, &config.account_prefix)?;
    let mut settings = vec![format!("installation = {installation}")];
    settings.extend(config.shown());
    Ok(CheckReport {
        settings,
        fingerprint: vault.fingerprint().to_string(),
        audit_key: keys::verifier_key(&installation, &audit.public_key()),
    })
}
