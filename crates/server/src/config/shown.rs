//! The settings in force, for people: each with its value, a secret as `***` with where it comes from.

use super::{Config, Https, Sink, Source};

impl Config {
    /// A line for each setting: `name = value`. No secret is in them.
    pub(crate) fn shown(&self) -> Vec<String> {
        let address = |address: Option<std::net::SocketAddr>| address.map_or("off".to_owned(), |at| at.to_string());
        let mut settings = vec![
            format!("public_host = {}", self.public_host),
            format!("data_directory = {}", self.data_directory.display()),
            format!("account_prefix = {}", self.account_prefix.as_str()),
            format!("listen.socket = {}", self.listen.socket.display()),
            format!("listen.https = {}", address(self.listen.https)),
            format!("https = {}", self.https.as_ref().map_or("by the local authority".to_owned(), given)),
            format!("listen.postgres = {}", address(self.listen.postgres)),
            format!("listen.mysql = {}", address(self.listen.mysql)),
            format!("listen.mariadb = {}", address(self.listen.mariadb)),
            format!("listen.mssql = {}", address(self.listen.mssql)),
            format!("listen.ssh = {}", address(self.listen.ssh)),
            format!("listen.metrics = {}", address(self.listen.metrics)),
            format!("keys.master = {}", origin(&self.keys.master)),
            format!("keys.audit = {}", origin(&self.keys.audit)),
            format!("audit.checkpoints = {}", self.audit.checkpoints.display()),
            format!("sessions.margin_s = {}", self.sessions.margin_s),
            format!("orphans.scan_every_s = {}", self.orphans.scan_every_s),
            format!("webhooks.ca = {}", self.webhooks.ca.display()),
            format!("traces.otlp = {}", self.traces.as_ref().map_or("off", |traces| traces.otlp.as_str())),
            format!("log.format = {}", format!("{:?}", self.log.format).to_lowercase()),
            format!("log.level = {}", self.log.level),
        ];
        let headers = self.traces.iter().flat_map(|traces| &traces.headers);
        settings.extend(headers.map(|(name, value)| format!("traces.headers.{name} = {}", origin(value))));
        settings.extend(self.audit.sinks.iter().map(|sink| format!("audit.sinks = {}", receiver(sink))));
        settings
    }
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
