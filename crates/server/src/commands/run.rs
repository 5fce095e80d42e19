//! `mayfly server run`: runs until it is told to stop.

use crate::config::Config;
use crate::logging::{self, Logging};
use crate::wire_up::{Server, StartError};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

/// What whoever started the server may want to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It was told to read its settings again.
    Reloading,
    /// It was told to stop, and takes sessions out.
    Stopping,
}

/// Runs the server until SIGTERM or SIGINT; SIGHUP makes it read its settings again. `tell` is called when it serves, also again, and
/// when it begins to stop.
///
/// # Errors
/// [`StartError`] with what is wrong and what to do.
pub async fn run(path: &Path, tell: impl Fn(Phase) + Send) -> Result<(), StartError> {
    let mut config = Config::read(path)?;
    let log = logging::start(&config.log).map_err(StartError::Socket)?;
    no_core_files();
    all_files();
    let failed = |source| StartError::File { path: path.to_owned(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut server = Server::start(config.clone()).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Serving");
    tell(Phase::Serving);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                tell(Phase::Reloading);
                config = reload(path, &server, &log).unwrap_or(config);
                tell(Phase::Serving);
            }
            () = server.activated() => {
                tracing::info!("Taking the store up as the one that acts");
                server.stop().await;
                server = Server::start(config.clone()).await?;
            }
        }
    }
    tell(Phase::Stopping);
    tracing::info!("Stopping: sessions are ended and taken out");
    server.stop().await;
    tracing::info!("Stopped");
    Ok(())
}

/// Reads the settings again and takes over what can be. `None` where they cannot be used: then everything is as before.
fn reload(path: &Path, server: &Server, log: &Logging) -> Option<Config> {
    let read = Config::read(path).map_err(|error| error.to_string());
    let taken = read.and_then(|wanted| server.reload(&wanted, log).map(|waiting| (wanted, waiting)));
    match taken {
        Ok((wanted, waiting)) => {
            tracing::info!("The settings were read again");
            if !waiting.is_empty() {
                tracing::warn!(settings = waiting.join(", "), "Settings have changed that wait for the next start");
            }
            Some(wanted)
        }
        Err(error) => {
            tracing::error!(%error, "The settings cannot be used: those of before stay in force");
            None
        }
    }
}

/// Switches core files and memory dumps of this process off: they would hold every secret in memory (SECURITY-CASES 74). Where the
/// system does not let it, that is logged.
pub fn no_core_files() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "Core files could not be switched off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "Memory dumps could not be switched off");
    }
}

/// Raises the limit of open files to what the system allows: each client and each connection to a target is one, and a shell starts
/// programs with 1,024. Where the system does not let it, that is logged.
fn all_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, current = ?limit.current, "The limit of open files could not be raised");
    }
}
