//! The command line of `audit`: the trail, and what is asked of it.

use super::values::{Count, count};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Print the last entries of the trail
    Tail {
        /// How many, or `all`
        #[arg(short = 'n', value_name = "N", default_value = "20", value_parser = count)]
        count: Count,
        /// Go on as entries are written, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
    /// Show one entry of the trail, all of it
    Show {
        /// Its number
        number: u64,
    },
    /// Write the trail for others to read: `-o jsonl`, which is the default, `csv`, `cef` or `ocsf`, one entry a line
    ///
    /// JSON lines are the very bytes that are hashed; a whole trail of them is what `audit verify --export` takes.
    Export(AuditExport),
    /// Verify the trail offline: names the first bad entry; exit code 11 when there is one
    ///
    /// Reads the store of this machine's installation, or an export (`audit tail -n all -o jsonl`), against the checkpoints
    /// and their public key. Needs no server and no secret.
    Verify(Verify),
}

/// `audit export`.
#[derive(Debug, Args)]
pub(crate) struct AuditExport {
    /// Into this file, which must not be there yet, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only entries of then or later, such as 2026-11-24T16:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only entries before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The settings file of the installation, which says where everything below is
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
    /// Verify an export instead of the store
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// The checkpoints kept elsewhere: a file, or the directory of them
    #[arg(long, value_name = "PATH")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The public key of the checkpoints, as `server init` and `server check` print it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}
