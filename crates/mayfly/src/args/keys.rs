//! `server recover-key` and `server rotate-key`, and where a recovery key goes to and comes from.

use super::Settings;
use clap::Args;
use std::path::PathBuf;

/// Where a new recovery key goes.
#[derive(Debug, Args)]
pub(crate) struct NewRecoveryKey {
    /// Write the recovery key into this new file (mode 0600) instead of showing it and having it typed back
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_key_file: Option<PathBuf>,
}

/// `server recover-key`.
#[derive(Debug, Args)]
pub(crate) struct RecoverKey {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Read the recovery key from this file instead of asking; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_key_file: Option<PathBuf>,
    /// Write the keys into this directory instead of where the settings look for them
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<PathBuf>,
}

/// `server rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) recovery: NewRecoveryKey,
    /// Write the new key into this file, where the settings do not take the key from one
    #[arg(long, value_name = "FILE")]
    pub(crate) new_key: Option<PathBuf>,
}
