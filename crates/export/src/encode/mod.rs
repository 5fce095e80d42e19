//! The forms in which an entry of the trail is written down. Each is one line without its end, and every text in it, some of
//! which targets and clients chose, is escaped as the form demands.

mod cef;
mod csv;
mod ocsf;
pub mod syslog;

use crate::entry::Entry;
use serde::{Deserialize, Serialize};

/// The product, as every form names it.
pub(crate) const PRODUCT: &str = "Mayfly";
/// Its version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// The canonical text of `docs/audit-format.md`, which is what is hashed: the only form that can be verified.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180), for spreadsheets.
    Csv,
    /// ArcSight's Common Event Format, version 0.
    Cef,
    /// The Open Cybersecurity Schema Framework, version 1.5.0.
    Ocsf,
}

impl Encoding {
    /// Reads its name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "json" | "jsonl" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "cef" => Some(Self::Cef),
            "ocsf" => Some(Self::Ocsf),
            _ => None,
        }
    }

    /// The line before the first entry, where the form has one.
    pub fn head(self) -> Option<String> {
        match self {
            Self::Csv => Some(csv::head()),
            Self::Json | Self::Cef | Self::Ocsf => None,
        }
    }

    /// An entry as one line, without its end.
    pub fn line(self, entry: &Entry) -> String {
        match self {
            Self::Json => entry.text().to_owned(),
            Self::Csv => csv::line(entry),
            Self::Cef => cef::line(entry),
            Self::Ocsf => ocsf::line(entry),
        }
    }
}

/// An entry that tests encode: with every field, and with every character that some form must escape.
#[cfg(test)]
pub(crate) mod example {
    use crate::entry::Entry;
    use mayfly_domain::audit::{Event, EventKind};
    use mayfly_domain::{ChangeId, ConnectionId, InstallationId, PersonName, RecordName, RunId, SessionId, WallTime};
    use mayfly_engine::ports::trail::TrailEntry;

    /// 2025-11-24T16:00:00.000001Z.
    const AT: WallTime = WallTime::from_micros(1_764_000_000_000_001);

    /// An event as the trail gives it back.
    pub(crate) fn entry(sequence: u64, event: &Event) -> Entry {
        let installation = InstallationId::parse("ins_0000000000000000").unwrap();
        Entry::read(TrailEntry { sequence, bytes: event.canonical(&installation, sequence, &[0; 32]) }).unwrap()
    }

    /// An event of this kind about nothing.
    pub(crate) fn bare(kind: EventKind, actor: &str) -> Event {
        Event::new(kind, AT, RunId::parse("run_0000000000000000").unwrap(), actor)
    }

    /// An event of this kind about everything.
    pub(crate) fn full(kind: EventKind) -> Event {
        let mut event = bare(kind, "person:alice");
        event.person = Some(PersonName::parse("alice").unwrap());
        event.record = Some(RecordName::parse("orders").unwrap());
        event.session = Some(SessionId::parse("ses_0000000000000000").unwrap());
        event.connection = Some(ConnectionId::parse("con_0000000000000000").unwrap());
        event.change = Some(ChangeId::parse("chg_0000000000000000").unwrap());
        event.target = Some("postgresql:7301".to_owned());
        event.account = Some("keeper_0123456789abc".to_owned());
        event.group = Some("read|only".to_owned());
        event.reason = Some("a=b \\ \"c\" ] |\nd é".to_owned());
        event.with("tries", 2)
    }
}
