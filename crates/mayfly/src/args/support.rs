//! The command line of `support`: what is handed to somebody who helps from afar.

use super::server::Settings;
use clap::Subcommand;
use std::path::PathBuf;

/// `support`.
#[derive(Debug, Subcommand)]
pub(crate) enum Support {
    /// Write what somebody who helps needs to know into a new file: status, settings, metrics, what is owed, the end of the log
    ///
    /// No secret and no key is in it; names of people, records, accounts and hosts are. Where no server answers at the local socket it
    /// is made of the installation's files, and says why. Over HTTPS it needs a token with the scope `audit`, and holds no log.
    Bundle {
        /// The file, a .tar.gz; named after the moment if not given
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
}
