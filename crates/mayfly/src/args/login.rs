//! The command lines of `login` and `logout`.

use super::connecting::Person;
use clap::Args;

/// `login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server, such as https://gw.example.com:8443; the last one if not given
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) person: Person,
}

/// `logout`.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The server; the last one if not given
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
}
