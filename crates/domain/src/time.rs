//! The two times that Mayfly reckons with. Wall time is what people and targets speak of and can be set back; boot time
//! only runs forward and counts the time spent suspended, so it is what ends a session.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z. Whose clock it was read from is said where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// A moment from microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a moment as RFC 3339 writes it, with any offset; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()))
    }

    /// The moment `span` later; the latest moment there is where that overflows.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `span` earlier; the earliest moment there is where that overflows.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How far this moment lies after `earlier`; zero when it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Microseconds from `other` to this moment, negative when `other` is later.
    pub const fn offset_from(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC with six decimals, which every target that takes a literal also reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.6}"),
            // Beyond the year 9999 no calendar text exists; the number says at least what it is.
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

/// A moment on the clock that counts since boot, time spent suspended included (`CLOCK_BOOTTIME`), in nanoseconds. It means
/// nothing outside this run of the machine and is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(u64);

impl BootTime {
    /// A moment from nanoseconds since boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How far this moment lies after `earlier`; zero when it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_prints_as_rfc_3339() {
        assert_eq!(WallTime::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(WallTime::from_micros(1_500_000).to_string(), "1970-01-01T00:00:01.500000Z");
        assert_eq!(WallTime::from_micros(i64::MAX).to_string(), format!("{} us", i64::MAX));
    }

    #[test]
    fn spans_never_wrap() {
        let end = WallTime::from_micros(i64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(WallTime::from_micros(0).since(end), Duration::ZERO);
        assert_eq!(BootTime::from_nanos(5).since(BootTime::from_nanos(7)), Duration::ZERO);
        assert_eq!(BootTime::from_nanos(1).plus(Duration::MAX).nanos(), u64::MAX);
    }
}
