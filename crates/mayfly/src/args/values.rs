//! Values of options, checked before anything is done with them. Names and ids are limited to their alphabets here, because
//! they become parts of request paths.

/// A span of time, as somebody typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duration {
    /// In whole seconds.
    pub(crate) seconds: u64,
}

/// How many entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// The last so many.
    Last(u64),
    /// All there are.
    All,
}

/// The name of a person or a record: `^[a-z0-9]+([._-][a-z0-9]+)*$`, at most 63.
pub(super) fn name(text: &str) -> Result<String, String> {
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() <= 63 && text.split(['.', '_', '-']).all(good) {
        Ok(text.to_owned())
    } else {
        Err("a name has at most 63 lower-case letters and digits, with single `.`, `_` or `-` between them".to_owned())
    }
}

/// A record, and a path on its target behind a colon.
pub(super) fn place(text: &str) -> Result<String, String> {
    let (record, _) = text.split_once(':').unwrap_or((text, ""));
    name(record).map(|_| text.to_owned())
}

/// The id of a session or a change, such as `ses_0123456789abcdef`.
pub(super) fn id(text: &str) -> Result<String, String> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("an id looks like ses_0123456789abcdef: `ls` shows them".to_owned())
    }
}

/// A lockdown as it is listed.
pub(super) fn lockdown(text: &str) -> Result<String, String> {
    let known = match text.split_once(':') {
        None => text == "all",
        Some((kind, rest)) => matches!(kind, "person" | "record") && name(rest).is_ok(),
    };
    known.then(|| text.to_owned()).ok_or("a lockdown is named all, person:NAME or record:NAME".to_owned())
}

/// A label as `key=value`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is written KEY=VALUE, such as set=prod".to_owned()),
    }
}

/// An object as `Kind/name`. The server judges the kind.
pub(super) fn object(text: &str) -> Result<String, String> {
    let (kind, rest) = text.split_once('/').ok_or("an object is named KIND/NAME, such as Database/orders")?;
    if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err("a kind is Person, User, Database, Machine or Directory".to_owned());
    }
    name(rest).map(|rest| format!("{kind}/{rest}"))
}

/// A span such as `90s`, `30m`, `2h`, `1h30m` or `7days`, at least a second.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    // Days of 24 hours, which the library leaves to calendars.
    let days = ["days", "day", "d"].iter().find_map(|unit| text.strip_suffix(unit)?.parse::<u32>().ok());
    if let Some(days @ 1..) = days {
        return Ok(Duration { seconds: u64::from(days) * 86_400 });
    }
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    match parsed.map(|span| u64::try_from(span.as_secs())) {
        Ok(Ok(seconds @ 1..)) => Ok(Duration { seconds }),
        Ok(_) => Err("it has to be at least 1s".to_owned()),
        Err(_) => Err("a duration is written like 90s, 30m, 2h, 1h30m or 7days".to_owned()),
    }
}

/// A number of entries, or `all`.
pub(super) fn count(text: &str) -> Result<Count, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Count::All),
        (_, Ok(number)) => Ok(Count::Last(number)),
        (_, Err(_)) => Err("it is a number, or `all`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_wire_allows() {
        for good in ["a", "orders", "db-1.eu_west", "0"] {
            assert_eq!(name(good).unwrap(), good);
        }
        let long = "a".repeat(64);
        for bad in ["", "Orders", "a--b", "-a", "a.", "../x", "a/b", "a~b", "a b", "é", long.as_str()] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_cannot_leave_their_path() {
        assert_eq!(id("ses_01AZ").unwrap(), "ses_01AZ");
        for bad in ["", "a/b", "..", "a?b", "a%2f", "a b"] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn objects_have_a_kind_and_a_name() {
        assert_eq!(object("Database/orders").unwrap(), "Database/orders");
        for bad in ["orders", "/orders", "Database/", "Data base/orders", "Database/a/b"] {
            assert!(object(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(duration("2h").unwrap().seconds, 7200);
        assert_eq!(duration("1h30m").unwrap().seconds, 5400);
        assert_eq!(duration("90s").unwrap().seconds, 90);
        assert_eq!(duration("7days").unwrap().seconds, 7 * 86_400);
        assert_eq!(duration("1d").unwrap().seconds, 86_400);
        for bad in ["0days", "days", "-1d", "1.5days", "99999999999days"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for bad in ["", "0s", "-1h", "2", "soon", "500ms"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_are_numbers_or_all() {
        assert_eq!(count("3").unwrap(), Count::Last(3));
        assert_eq!(count("all").unwrap(), Count::All);
        assert!(count("-1").is_err());
    }
}
