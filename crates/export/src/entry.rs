//! An entry of the trail as it is read back for encoding. Its bytes were written by us, perhaps by another version, so a kind
//! that this program does not know is no error.

use mayfly_domain::WallTime;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::trail::TrailEntry;
use serde_json::{Map, Value};

/// An entry of the trail, taken apart.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number.
    pub sequence: u64,
    /// When it happened, by the server's clock.
    pub at: WallTime,
    /// What happened; `None` for a kind that this program does not know.
    pub kind: Option<EventKind>,
    fields: Map<String, Value>,
    text: String,
}

/// Why bytes of the trail are no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence} of the trail cannot be read: run `mayfly audit verify`")]
pub struct EntryError {
    /// Its number.
    pub sequence: u64,
}

impl Entry {
    /// Takes an entry apart.
    ///
    /// # Errors
    /// [`EntryError`] when it is not what `docs/audit-format.md` says.
    pub fn read(entry: TrailEntry) -> Result<Self, EntryError> {
        let failed = EntryError { sequence: entry.sequence };
        let text = String::from_utf8(entry.bytes).map_err(|_| failed.clone())?;
        let Ok(Value::Object(fields)) = serde_json::from_str(&text) else { return Err(failed) };
        let at = fields.get("at_us").and_then(Value::as_i64).map(WallTime::from_micros).ok_or(failed)?;
        let word = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
        let kind = EventKind::ALL.iter().copied().find(|kind| kind.as_str() == word);
        Ok(Self { sequence: entry.sequence, at, kind, fields, text })
    }

    /// The canonical text, which is what is hashed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value of a key that holds a text; `None` when it is not there.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    /// The word for what happened, such as `session.started`.
    pub fn word(&self) -> &str {
        self.get("kind").unwrap_or("unknown.unknown")
    }

    /// What `detail` says under a name.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.fields.get("detail")?.get(name)?.as_str()
    }

    /// All of `detail`, as JSON; `None` when there is none.
    pub fn details(&self) -> Option<&Value> {
        self.fields.get("detail")
    }

    /// The IP address from which it was done, where the actor is known by that alone.
    pub fn source(&self) -> Option<std::net::IpAddr> {
        let named = self.get("actor").and_then(|actor| actor.strip_prefix("source:"));
        named.or_else(|| self.detail("source")).and_then(|address| address.parse().ok())
    }
}
