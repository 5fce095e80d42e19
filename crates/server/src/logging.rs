//! The log: lines on standard error, for people or as JSON.

use crate::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts the log of this process. A second call changes nothing.
///
/// # Errors
/// A sentence when the level is not a filter.
pub(crate) fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| format!("`log.level` is no filter: {error}: use error, warn, info, debug or trace"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only tests start twice in one process.
    drop(started);
    Ok(())
}
