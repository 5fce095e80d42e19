//! Where traces of sessions are sent.

use super::Source;
use mayfly_export::http::Url;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The path of traces below the receiver's address (OTLP/HTTP).
const PATH: &str = "/v1/traces";

/// A receiver of traces over OTLP/HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// Its address, such as `https://collector.example.com:4318`. Without TLS only on this machine.
    pub otlp: String,
    /// A PEM file: the authorities that its certificate has to come from.
    #[serde(default = "system_authorities")]
    pub ca: PathBuf,
    /// Headers that it wants, such as `authorization`, and where their values are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Source>,
}

fn system_authorities() -> PathBuf {
    super::Webhooks::default().ca
}

impl Traces {
    /// Whether it is reached without TLS.
    pub fn is_plain(&self) -> bool {
        self.otlp.starts_with("http://")
    }

    /// Where traces are posted.
    ///
    /// # Errors
    /// A sentence that names the setting and what is wrong with it.
    pub fn url(&self) -> Result<Url, String> {
        let failed = |error: String| format!("`traces.otlp`: {error}");
        if self.otlp.contains(['?', '#']) {
            return Err(failed(format!("{:?} is an address with a query: name it without", self.otlp)));
        }
        let address = format!("{}{PATH}", self.otlp.trim_end_matches('/'));
        let read = if self.is_plain() { Url::parse_here(&address) } else { Url::parse(&address) };
        read.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str) -> Result<String, String> {
        let traces: Traces = toml::from_str(&format!("otlp = {address:?}")).unwrap();
        traces.url().map(|url| url.endpoint.to_string())
    }

    #[test]
    fn without_tls_traces_stay_on_this_machine() {
        assert_eq!(to("https://collector.example.com:4318").unwrap(), "collector.example.com:4318");
        assert_eq!(to("https://collector.example.com/otlp/").unwrap(), "collector.example.com:443");
        for here in ["http://127.0.0.1:4318", "http://[::1]:4318", "http://localhost:4318/"] {
            assert!(to(here).is_ok(), "{here}: {:?}", to(here));
        }
        for bad in ["http://collector.example.com:4318", "http://10.0.0.1:4318", "collector:4318", "https://c?x=y", ""]
        {
            assert!(to(bad).unwrap_err().contains("traces.otlp"), "{bad}");
        }
    }
}
