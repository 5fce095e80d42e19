//! The sinks of the audit trail: where each of its entries is delivered besides the store.

use super::Source;
use mayfly_domain::Endpoint;
use mayfly_export::Encoding;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The longest name of a sink.
const NAME_MOST: usize = 40;
/// The port of syslog over TLS (RFC 5425 §4.1).
const SYSLOG_PORT: u16 = 6514;

/// A sink: either a file or a receiver of syslog.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// What it is called, in metrics and in the log. Its cursor is kept under this name: under another one it starts anew.
    pub name: String,
    /// The form of an entry: `json`, `cef` or `ocsf`.
    #[serde(default)]
    pub encoding: Encoding,
    /// A file that lines are appended to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A receiver of syslog over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<Syslog>,
}

/// A receiver of syslog (RFC 5424) over TLS (RFC 5425).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Its host, with a port where that is not 6514. The host has to stand in its certificate.
    pub address: String,
    /// A PEM file: the authorities that its certificate has to come from.
    pub ca: PathBuf,
    /// A PEM file: the certificate that is shown to it, then those between it and what it believes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Source>,
}

impl Syslog {
    /// Host and port; `None` when the address is not one.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let text = self.address.as_str();
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').map_or(rest, |port| port)),
            None => text.split_once(':').unwrap_or((text, "")),
        };
        let port = if port.is_empty() { SYSLOG_PORT } else { port.parse().ok()? };
        (!host.is_empty() && port > 0).then(|| Endpoint { host: host.to_owned(), port })
    }
}

/// Refuses sinks that cannot work.
pub(super) fn check(sinks: &[Sink]) -> Result<(), String> {
    for (number, sink) in sinks.iter().enumerate() {
        let name = &sink.name;
        let plain = |text: char| text.is_ascii_lowercase() || text.is_ascii_digit() || text == '-' || text == '_';
        if name.is_empty() || name.len() > NAME_MOST || !name.chars().all(plain) {
            return Err(format!("`audit.sinks`: {name:?} is no name: use at most {NAME_MOST} of a-z, 0-9, - and _"));
        }
        if sinks[..number].iter().any(|other| other.name == *name) {
            return Err(format!("`audit.sinks` has two sinks called {name}: each needs a cursor of its own"));
        }
        if sink.encoding == Encoding::Csv {
            return Err(format!("`audit.sinks` {name}: `csv` is for `mayfly audit export`: use json, cef or ocsf"));
        }
        match (&sink.file, &sink.syslog) {
            (Some(_), None) => {}
            (None, Some(syslog)) if syslog.endpoint().is_none() => {
                return Err(format!(
                    "`audit.sinks` {name}: `syslog.address` is not a host and a port: {:?}",
                    syslog.address
                ));
            }
            (None, Some(syslog)) if syslog.certificate.is_some() != syslog.key.is_some() => {
                return Err(format!("`audit.sinks` {name}: `syslog.certificate` and `syslog.key` go together"));
            }
            (None, Some(_)) => {}
            _ => return Err(format!("`audit.sinks` {name}: name either `file` or `syslog`")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str) -> Option<Endpoint> {
        Syslog { address: address.to_owned(), ca: PathBuf::new(), certificate: None, key: None }.endpoint()
    }

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        for (address, host, port) in [
            ("siem.example.com", "siem.example.com", 6514),
            ("siem:7000", "siem", 7000),
            ("[::1]", "::1", 6514),
            ("[::1]:7000", "::1", 7000),
        ] {
            assert_eq!(to(address), Some(Endpoint { host: host.to_owned(), port }), "{address}");
        }
        for bad in ["", ":6514", "siem:x", "siem:0", "siem:70000"] {
            assert_eq!(to(bad), None, "{bad}");
        }
    }

    #[test]
    fn sinks_that_cannot_work_are_refused_by_name() {
        for (bad, named) in [
            ("name = \"A\"\nfile = \"/f\"", "no name"),
            ("name = \"a\"", "either `file` or `syslog`"),
            ("name = \"a\"\nfile = \"/f\"\nencoding = \"csv\"", "audit export"),
            ("name = \"a\"\n[syslog]\naddress = \":\"\nca = \"/c\"", "syslog.address"),
            ("name = \"a\"\n[syslog]\naddress = \"s\"\nca = \"/c\"\ncertificate = \"/d\"", "go together"),
        ] {
            let sink: Sink = toml::from_str(bad).unwrap();
            let error = check(std::slice::from_ref(&sink)).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let good: Sink = toml::from_str("name = \"a\"\nfile = \"/f\"").unwrap();
        assert!(check(std::slice::from_ref(&good)).is_ok());
        assert!(check(&[good.clone(), good]).unwrap_err().contains("two sinks"));
    }
}
