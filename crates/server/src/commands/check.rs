//! `mayfly server check`: reads everything that a start reads, and opens nothing to anybody.

use crate::config::{Config, Https, Sink, Source};
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

fn origin(source: &Source) -> String {
    match source {
        Source::File(path) => format!("*** (file {})", path.display()),
        Source::Credential(name) => format!("*** (systemd credential {name})"),
        Source::Env(name) => format!("*** (environment variable {name})"),
    }
}

fn given(https: &Https) -> String {
    format!("{}, key {}", https.certificate.display(), origin(&https.key))
}

fn receiver(sink: &Sink) -> String {
    let form = format!("{:?}", sink.encoding).to_lowercase();
    let to = match (&sink.file, &sink.syslog) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(syslog)) => {
            let key = syslog.key.as_ref().map_or(String::new(), |key| format!(", key {}", origin(key)));
            format!("syslog at {}{key}", syslog.address)
        }
        (None, None) => "nowhere".to_owned(),
    };
    format!("{}: {form} to {to}", sink.name)
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
    let address = |address: Option<std::net::SocketAddr>| address.map_or("off".to_owned(), |at| at.to_string());
    let mut settings = vec![
        format!("installation = {installation}"),
        format!("public_host = {}", config.public_host),
        format!("data_directory = {}", config.data_directory.display()),
        format!("account_prefix = {}", config.account_prefix.as_str()),
        format!("listen.socket = {}", config.listen.socket.display()),
        format!("listen.https = {}", address(config.listen.https)),
        format!("https = {}", config.https.as_ref().map_or("by the local authority".to_owned(), given)),
        format!("listen.postgres = {}", address(config.listen.postgres)),
        format!("listen.ssh = {}", address(config.listen.ssh)),
        format!("listen.metrics = {}", address(config.listen.metrics)),
        format!("keys.master = {}", origin(&config.keys.master)),
        format!("keys.audit = {}", origin(&config.keys.audit)),
        format!("audit.checkpoints = {}", config.audit.checkpoints.display()),
        format!("sessions.margin_s = {}", config.sessions.margin_s),
        format!("orphans.scan_every_s = {}", config.orphans.scan_every_s),
        format!("webhooks.ca = {}", config.webhooks.ca.display()),
        format!("traces.otlp = {}", config.traces.as_ref().map_or("off", |traces| traces.otlp.as_str())),
        format!("log = {:?}, {}", config.log.format, config.log.level),
    ];
    settings.extend(config.audit.sinks.iter().map(|sink| format!("audit.sinks = {}", receiver(sink))));
    Ok(CheckReport {
        settings,
        fingerprint: vault.fingerprint().to_string(),
        audit_key: keys::verifier_key(&installation, &audit.public_key()),
    })
}
