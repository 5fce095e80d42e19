//! Lockdowns: while one holds, nobody whom it concerns opens anything, whatever else would allow it.

use crate::names::{PersonName, RecordName};
use std::fmt;

/// Whom a lockdown concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lockdown {
    /// Everybody.
    All,
    /// One person, whatever they open.
    Person(PersonName),
    /// One record, whoever opens it.
    Record(RecordName),
}

/// The text names no lockdown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a lockdown is `all`, `person:NAME` or `record:NAME`")]
pub struct LockdownError;

impl Lockdown {
    /// Reads a lockdown as it is stored and as the API writes it.
    ///
    /// # Errors
    /// [`LockdownError`] when the text is none.
    pub fn parse(text: &str) -> Result<Self, LockdownError> {
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("person", name)) => PersonName::parse(name).map(Self::Person).map_err(|_| LockdownError),
            Some(("record", name)) => RecordName::parse(name).map(Self::Record).map_err(|_| LockdownError),
            _ => Err(LockdownError),
        }
    }

    /// Whether this person opens nothing at all while it holds.
    pub fn locks_out(&self, person: &PersonName) -> bool {
        match self {
            Self::All => true,
            Self::Person(locked) => locked == person,
            Self::Record(_) => false,
        }
    }

    /// Whether it concerns this person's opening of this record.
    pub fn concerns(&self, person: &PersonName, record: &RecordName) -> bool {
        match self {
            Self::All => true,
            Self::Person(locked) => locked == person,
            Self::Record(locked) => locked == record,
        }
    }
}

impl fmt::Display for Lockdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Record(name) => write!(f, "record:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lockdown_reads_back_and_concerns_whom_it_names() {
        let (alice, bob) = (PersonName::parse("alice").unwrap(), PersonName::parse("bob").unwrap());
        let (orders, web) = (RecordName::parse("orders").unwrap(), RecordName::parse("web01").unwrap());
        for (text, concerned) in [
            ("all", [true; 4]),
            ("person:alice", [true, true, false, false]),
            ("record:orders", [true, false, true, false]),
        ] {
            let lockdown = Lockdown::parse(text).unwrap();
            assert_eq!(lockdown.to_string(), text);
            let openings = [(&alice, &orders), (&alice, &web), (&bob, &orders), (&bob, &web)];
            assert_eq!(openings.map(|(person, record)| lockdown.concerns(person, record)), concerned, "{text}");
        }
        for bad in ["", "All", "person:", "person:A b", "user:alice", "all:"] {
            assert_eq!(Lockdown::parse(bad), Err(LockdownError), "{bad}");
        }
    }
}
