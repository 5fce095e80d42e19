//! The command line of `server`: what is done on the server's own machine, by its files or its local socket.

use super::keys::{NewRecoveryKey, RecoverKey, RotateKey};
use super::values::{Duration, duration, id};
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `server`.
#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Make an installation: keys, local authority, store and settings
    Init(Box<Init>),
    /// Write keys that were lost again, from the recovery key
    ///
    /// Makes no new key, and writes none over another. Needs the data directory, and the recovery key that `init` or `rotate-key` gave.
    RecoverKey(RecoverKey),
    /// Exchange the installation's key: seal everything by a new one, and forget the one before
    ///
    /// The server has to be stopped. Cut short, it is gone on with when this is run again. Gives a new recovery key.
    RotateKey(RotateKey),
    /// Run the server until it is told to stop
    Run(Settings),
    /// Check what a start needs, and show the settings in force
    Check(Settings),
    /// Make this copy of the store the one that acts, where a server only observes
    ///
    /// Over the local socket only. Make sure that no other copy is served any more. A new epoch begins: connect secrets and tokens that
    /// were issued before are void, and sessions that the store knows as open are taken out.
    Activate {
        /// Why it is this copy, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say what the store holds that may still be on targets, where no server runs and no key is left
    ///
    /// Reads the store's files and changes nothing. Also what belonged to sessions that were open.
    Cleanup(OfflineCleanup),
    /// Open nothing new, wait until nobody is in any more, then the server can be stopped
    ///
    /// Over the local socket only. Those who are in a session may connect to it again. Holds until it is cancelled or the server is
    /// stopped, also when this is interrupted. Exit code 12 when changes are still owed to their targets.
    Drain {
        /// End what is still open after that long, such as 30m; it is waited for without end if not given
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        within: Option<Duration>,
        /// Open sessions again
        #[arg(long, conflicts_with = "within")]
        cancel: bool,
    },
    /// Write a backup of the store to a new file while the server runs: sealed, and without the key
    ///
    /// Over the local socket only. Says what is in it.
    Backup {
        /// The file
        file: PathBuf,
    },
    /// Put a backup into the empty data directory that the settings name; it is only observed until it is activated
    Restore(Restore),
    /// Print the description of the API, as OpenAPI 3.1
    Openapi,
}

/// `server cleanup`.
#[derive(Debug, Args)]
pub(crate) struct OfflineCleanup {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Print a shell script by which an administrator of the target undoes this change by hand
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(crate) manual: Option<String>,
}

/// `server restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The settings file
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
    /// The user whom the server will run as, to whom everything is given; `mayfly` if there is one and root does this
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// Where the server's settings are.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The settings file
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
}

/// `server init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The name under which clients reach this server; asked for at a terminal, otherwise this machine's name, or localhost with --directory
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Put everything below this directory instead of /etc, /var and /run
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<PathBuf>,
    /// Where the API is served over HTTPS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    pub(crate) https: SocketAddr,
    /// Where PostgreSQL clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7432")]
    pub(crate) postgres: SocketAddr,
    /// Where MySQL clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7306")]
    pub(crate) mysql: SocketAddr,
    /// Where MariaDB clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7307")]
    pub(crate) mariadb: SocketAddr,
    /// Where SQL Server clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7433")]
    pub(crate) mssql: SocketAddr,
    /// Where SSH clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:2222")]
    pub(crate) ssh: SocketAddr,
    /// Where metrics and health are served, on loopback only
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// What the names of accounts start with: a letter, then at most six of a-z, 0-9 and _
    #[arg(long, value_name = "PREFIX", default_value = "keeper_")]
    pub(crate) account_prefix: String,
    /// The user whom the server will run as, to whom everything is given; `mayfly` if there is one and root does this
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) recovery: NewRecoveryKey,
}
