//! The server's settings file: only what has to be known before the store opens. Everything else is an object.
//!
//! Order: defaults, then the file, then those in `conf.d` beside it by name, then `MAYFLY__LISTEN__POSTGRES=…` (double underscore
//! between levels). An unknown key is an error that says where it stands and what was probably meant.

mod read;
mod shown;
mod sinks;
mod traces;

use mayfly_domain::Prefix;
use mayfly_vault::KeySource;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use sinks::{Sink, Syslog};
pub(crate) use traces::Traces;

/// Where the settings are unless said otherwise.
pub const DEFAULT_PATH: &str = "/etc/mayfly/mayfly.toml";

/// The settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name under which clients reach this server; it stands in the server's certificate.
    pub public_host: String,
    /// The directory of the store: for the server alone.
    pub data_directory: PathBuf,
    /// What the names of ephemeral accounts start with.
    #[serde(default)]
    pub account_prefix: Prefix,
    /// Where the server listens.
    pub listen: Listen,
    /// What is presented over HTTPS instead of a certificate by the local authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Https>,
    /// Where the keys are; never in the data directory.
    pub keys: Keys,
    /// The audit trail.
    pub audit: Audit,
    /// Sessions.
    #[serde(default)]
    pub sessions: Sessions,
    /// The search of targets for accounts for which nothing in the ledger speaks.
    #[serde(default)]
    pub orphans: Orphans,
    /// Receivers of events.
    #[serde(default)]
    pub webhooks: Webhooks,
    /// A receiver of traces of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Traces>,
    /// The log.
    #[serde(default)]
    pub log: Log,
}

/// What concerns every receiver of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// A PEM file: the authorities that certificates of receivers have to come from.
    pub ca: PathBuf,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { ca: PathBuf::from("/etc/ssl/certs/ca-certificates.crt") }
    }
}

/// Where the server listens. A listener that is not named is off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The Unix socket of the command line.
    pub socket: PathBuf,
    /// The API over HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<SocketAddr>,
    /// PostgreSQL clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<SocketAddr>,
    /// MySQL clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<SocketAddr>,
    /// MariaDB clients. They have a listener of their own because a server says what it is before a client says where it wants to go,
    /// and clients of one do without things with the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mariadb: Option<SocketAddr>,
    /// SQL Server clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mssql: Option<SocketAddr>,
    /// SSH clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SocketAddr>,
    /// `/metrics`, `/healthz` and `/readyz`, over HTTP without authentication: a loopback address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
}

/// A certificate for HTTPS that somebody else has signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Https {
    /// A PEM file: the certificate, then those between it and what clients believe.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: Source,
}

/// Where the keys are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The installation's key, which seals every secret.
    pub master: Source,
    /// The key that signs the checkpoints of the trail.
    pub audit: Source,
}

/// Where a key is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A file of mode 0600 that belongs to the server's user.
    File(PathBuf),
    /// A systemd credential.
    Credential(String),
    /// An environment variable.
    Env(String),
}

impl Source {
    /// The source as the vault reads it.
    pub fn key_source(&self) -> KeySource {
        match self {
            Self::File(path) => KeySource::File(path.clone()),
            Self::Credential(name) => KeySource::SystemdCredential(name.clone()),
            Self::Env(name) => KeySource::Environment(name.clone()),
        }
    }
}

/// The audit trail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The directory to which signed checkpoints are also written, outside the data directory. Whoever can write both can
    /// roll both back: ship it to another machine.
    pub checkpoints: PathBuf,
    /// Where each entry is delivered besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sinks: Vec<Sink>,
}

/// Sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// How far past a session's deadline the one lies that its target holds itself, in seconds; at least 1, so that the target does
    /// not end what still has time, and at most a day.
    pub margin_s: u32,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { margin_s: 60 }
    }
}

/// The search of targets for accounts for which nothing in the ledger speaks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Orphans {
    /// How often each target is searched by itself, in seconds; 0 is never.
    pub scan_every_s: u32,
}

impl Default for Orphans {
    fn default() -> Self {
        Self { scan_every_s: 86_400 }
    }
}

/// The log, on standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `mayfly_engine=debug,info`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file.
    #[error("there is no settings file {0}: make one with `mayfly server init`, or name another with --config")]
    Missing(PathBuf),
    /// Something in it cannot be.
    #[error("the settings in {path} cannot be used: {text}")]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
}

impl Config {
    /// Reads the settings from a file, those in `conf.d` beside it, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] that names the file, the line, the setting and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        read::read(path)
    }

    /// Refuses settings that cannot work or would break a promise.
    fn checked(self) -> Result<Self, String> {
        if self.public_host.is_empty() {
            return Err("`public_host` is empty: name the host as clients know it".to_owned());
        }
        let inside = |path: &Path| path.starts_with(&self.data_directory);
        for (key, source) in [("keys.master", &self.keys.master), ("keys.audit", &self.keys.audit)] {
            if matches!(source, Source::File(path) if inside(path)) {
                return Err(format!("`{key}` is inside `data_directory`: a copy of the store must not hold the key"));
            }
        }
        if inside(&self.audit.checkpoints) {
            return Err(
                "`audit.checkpoints` is inside `data_directory`: a store that is rolled back would roll it back too"
                    .to_owned(),
            );
        }
        sinks::check(&self.audit.sinks)?;
        self.traces.as_ref().map(Traces::url).transpose()?;
        if self.https.is_some() && self.listen.https.is_none() {
            return Err("`https` names a certificate, but `listen.https` is not set: name where to listen".to_owned());
        }
        if !(1..=86_400).contains(&self.sessions.margin_s) {
            return Err(format!("`sessions.margin_s` is {}: it is 1 to 86400 seconds", self.sessions.margin_s));
        }
        if let Some(address) = self.listen.metrics.filter(|address| !address.ip().is_loopback()) {
            return Err(format!("`listen.metrics` is {address}, but it has no authentication: use a loopback address"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        public_host = "gw.example.com"
        data_directory = "/var/lib/mayfly"
        [listen]
        socket = "/run/mayfly/mayfly.sock"
        postgres = "127.0.0.1:5433"
        [keys]
        master = { file = "/etc/mayfly/master.key" }
        audit = { credential = "audit-key" }
        [audit]
        checkpoints = "/var/log/mayfly/checkpoints"
    "#;

    fn read(text: &str) -> Result<Config, String> {
        read_with(text, &[])
    }

    /// With files of these names and texts in `conf.d`.
    fn read_with(text: &str, more: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mayfly.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::create_dir(folder.path().join("conf.d")).unwrap();
        for (name, text) in more {
            std::fs::write(folder.path().join("conf.d").join(name), text).unwrap();
        }
        Config::read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_file_is_read_with_its_defaults() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.account_prefix.as_str(), "keeper_");
        assert_eq!(config.log.format, LogFormat::Text);
        assert!(config.listen.metrics.is_none());
        assert!(matches!(config.keys.audit, Source::Credential(name) if name == "audit-key"));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (from, to, named) in [
            ("public_host", "public_hots", "line 2: there is no setting `public_hots`: did you mean `public_host`?"),
            ("postgres =", "postgress =", "line 6: there is no setting `listen.postgress`: did you mean `postgres`?"),
            ("[audit]", "[audiit]", "line 10: there is no setting `audiit`: did you mean `audit`?"),
            (
                "[keys]",
                "[log]\nformat = \"jsn\"\n[keys]",
                "line 8: `log.format`: there is no value `jsn`: did you mean `json`?",
            ),
            ("[keys]", "[log]\nlevel = 3\n[keys]", "line 8: `log.level` has to be a string, and is signed int `3`"),
            ("socket =", "socket = =", "line 5: "),
            ("audit = {", "audits = {", "line 9: there is no setting `keys.audits`: did you mean `audit`?"),
            ("public_host = \"gw.example.com\"", "", "`public_host` is missing"),
            (
                "checkpoints = ",
                "sinks = [{name = \"a\", fiel = \"/f\"}]\ncheckpoints = ",
                "there is no setting `audit.sinks.0.fiel`",
            ),
            ("127.0.0.1:5433", "5433", "line 6: `listen.postgres`"),
            ("/etc/mayfly/master.key", "/var/lib/mayfly/master.key", "keys.master"),
            ("/var/log/mayfly/checkpoints", "/var/lib/mayfly/checkpoints", "audit.checkpoints"),
            ("[keys]", "[https]\ncertificate = \"/etc/c.pem\"\nkey = {file = \"/etc/k\"}\n[keys]", "listen.https"),
            ("postgres =", "metrics = \"0.0.0.0:1\"\npostgres =", "listen.metrics"),
            ("[keys]", "[sessions]\nmargin_s = 0\n[keys]", "sessions.margin_s"),
            ("[keys]", "[traces]\notlp = \"http://collector:4318\"\n[keys]", "traces.otlp"),
        ] {
            let error = read(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn files_beside_it_win_in_the_order_of_their_names_and_are_named() {
        let more = [
            ("20-b.toml", "[log]\nlevel = \"debug\"\n"),
            ("10-a.toml", "[log]\nlevel = \"warn\"\nformat = \"json\"\n"),
            ("30-c.toml.off", "nothing"),
        ];
        let config = read_with(GOOD, &more).unwrap();
        assert_eq!((config.log.level.as_str(), config.log.format), ("debug", LogFormat::Json));
        let wrong = |text| read_with(GOOD, &[("10-a.toml", text)]).unwrap_err();
        let error = wrong("# a remark\n[listen]\nmetrics = \"0.0.0.0:1\"\n");
        assert!(error.contains("conf.d/10-a.toml cannot be used: line 3: `listen.metrics`"), "{error}");
        let error = wrong("[listen]\nssh = 22\n");
        assert!(error.contains("conf.d/10-a.toml cannot be used: line 2: `listen.ssh`"), "{error}");
    }

    #[test]
    fn a_secret_that_stands_in_the_settings_by_mistake_is_not_repeated() {
        for (from, to) in [
            ("{ file = \"/etc/mayfly/master.key\" }", "\"hunter2\""),
            ("{ file = \"/etc/mayfly/master.key\" }", "{ hunter2 = 1 }"),
            ("{ file = \"/etc/mayfly/master.key\" }", "\"hunter2"),
            ("[keys]", "[https]\ncertificate = \"/c\"\nkey = [\"hunter2\"]\n[keys]"),
            ("[keys]", "[traces]\notlp = \"https://c\"\nheaders = {authorization = \"hunter2\"}\n[keys]"),
        ] {
            let error = read(&GOOD.replace(from, to)).unwrap_err();
            assert!(!error.contains("hunter2") && error.contains("line "), "{error}");
        }
    }

    #[test]
    fn a_missing_file_says_how_to_make_one() {
        let error = Config::read(Path::new("/nonexistent/mayfly.toml")).unwrap_err().to_string();
        assert!(error.contains("mayfly server init"), "{error}");
    }
}
