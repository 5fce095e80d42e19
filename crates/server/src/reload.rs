//! Taking new settings over while the server runs: the certificate that HTTPS clients are shown, and what is logged. Everything else
//! waits for the next start, and is named.

use crate::authority::{self, AuthorityError, ServerTls};
use crate::config::Config;
use crate::logging::Logging;
use std::sync::Arc;
use tokio::sync::watch;

/// What HTTPS clients are shown, from the next one on.
pub(crate) type HttpsTls = watch::Receiver<Arc<rustls::ServerConfig>>;

/// The settings in force.
pub(crate) type InForce = watch::Receiver<Arc<Config>>;

/// What can change while the server runs.
pub(crate) struct Reloadable {
    config: watch::Sender<Arc<Config>>,
    https: watch::Sender<Arc<rustls::ServerConfig>>,
    /// What is shown where the settings name no certificate.
    own: ServerTls,
}

impl Reloadable {
    /// Begins with these settings.
    ///
    /// # Errors
    /// [`AuthorityError`] when the certificate that they name cannot be used.
    pub(crate) fn new(config: &Config, own: ServerTls) -> Result<Self, AuthorityError> {
        let https = authority::https_tls(config.https.as_ref(), &own)?;
        Ok(Self { config: watch::Sender::new(Arc::new(config.clone())), https: watch::Sender::new(https), own })
    }

    /// The settings in force, as they change.
    pub(crate) fn config(&self) -> InForce {
        self.config.subscribe()
    }

    /// What HTTPS clients are shown, as it changes.
    pub(crate) fn https(&self) -> HttpsTls {
        self.https.subscribe()
    }

    /// Takes over what can be, all of it or nothing. Answers the names of the settings that differ and wait for the next start.
    ///
    /// # Errors
    /// A sentence that says what cannot be used; then everything is as before.
    pub(crate) fn take(&self, wanted: &Config, log: &Logging) -> Result<Vec<String>, String> {
        let https = authority::https_tls(wanted.https.as_ref(), &self.own).map_err(|error| error.to_string())?;
        log.set(&wanted.log)?;
        self.https.send_replace(https);
        let mut now = Config::clone(&self.config.borrow());
        now.https.clone_from(&wanted.https);
        now.log.level.clone_from(&wanted.log.level);
        let waiting = different(&now.shown(), &wanted.shown());
        self.config.send_replace(Arc::new(now));
        Ok(waiting)
    }
}

/// The names of lines `name = value` that are in one list alone.
fn different(now: &[String], wanted: &[String]) -> Vec<String> {
    let gone = now.iter().filter(|line| !wanted.contains(line));
    let new = wanted.iter().filter(|line| !now.contains(line));
    let mut names: Vec<String> =
        gone.chain(new).filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_what_went_and_what_is_another_is_named_once() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let found = different(&lines("a = 1|b = 2|c = x"), &lines("a = 1|b = 3|d = x"));
        assert_eq!(found, ["b", "c", "d"]);
    }
}
