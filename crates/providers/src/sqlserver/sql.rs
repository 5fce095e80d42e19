//! Building statements: quoting, calls of fixed texts with their values, and the frame around what changes or looks. Every
//! name and text that comes from outside passes through here, whether a person typed it or a server answered it (FAILURES 38).
//!
//! A text of ours that does more than one thing stands in a file below `sql/` and never changes; its values are arguments of
//! `sp_executesql`, so that several of them fit into one batch, and so that the server's own trace shows what is what.

use crate::text::is_unsafe_to_show;
use mayfly_domain::{ChangeId, WallTime};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The longest name (`sysname`, nvarchar(128)), in UTF-16 units.
const NAME_MOST: usize = 128;

/// Quotes a name as an identifier (Transact-SQL reference, "Database identifiers": delimited by brackets, `]` doubled). A NUL,
/// which no name on a server has, is left out.
pub(crate) fn ident(name: &str) -> String {
    format!("[{}]", name.replace('\0', "").replace(']', "]]"))
}

/// Quotes a name as an identifier for people: nothing in it can move a terminal's cursor or turn its text around. Other names
/// than those work when they are pasted.
pub(crate) fn shown(name: &str) -> String {
    if !name.chars().any(is_unsafe_to_show) {
        return ident(name);
    }
    let mut text = String::new();
    for char in name.chars() {
        if is_unsafe_to_show(char) { text.extend(char.escape_unicode()) } else { text.push(char) }
    }
    ident(&text)
}

/// Quotes a text as a literal. Within quotes a backslash at the end of a line is taken away together with the end of the line
/// (Transact-SQL reference, "Backslash line continuation"), so that one which belongs to the text is doubled, and the end of
/// the line with it.
pub(crate) fn literal(text: &str) -> String {
    let text = text.replace('\0', "").replace('\'', "''");
    format!("N'{}'", text.replace("\\\r\n", "\\\\\r\n\r\n").replace("\\\n", "\\\\\n\n"))
}

/// Bytes as a literal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// Reads bytes that the server wrote as `0x…` (CONVERT with style 1).
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// A moment as a literal that means the same whatever the language of the session (ISO 8601). Beyond the calendar it is the
/// last moment that the server knows.
pub(crate) fn moment(at: WallTime) -> String {
    let text = at.to_string();
    text.strip_suffix('Z').map_or_else(|| literal("9999-12-31T23:59:59.999999"), literal)
}

/// A value of a call.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// A name or another text.
    Text(&'a str),
    /// A SID.
    Sid(&'a [u8]),
    /// None.
    Null,
    /// A number.
    Number(i64),
    /// A moment.
    Moment(WallTime),
}

impl Value<'_> {
    fn literal(&self) -> String {
        match self {
            Self::Text(text) => literal(text),
            Self::Sid(sid) => hex(sid),
            Self::Null => "NULL".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Moment(at) => moment(*at),
        }
    }
}

/// Runs one of our texts in a database with its values: each a name, its type on the server and the value.
pub(crate) fn call(database: &str, text: &str, values: &[(&str, &str, Value<'_>)]) -> String {
    let mut call = format!("EXEC {}.sys.sp_executesql {}", ident(database), literal(text.trim_end()));
    if !values.is_empty() {
        let declared: Vec<String> = values.iter().map(|(name, kind, _)| format!("@{name} {kind}")).collect();
        call.push_str(&format!(", {}", literal(&declared.join(", "))));
        for (name, _, value) in values {
            call.push_str(&format!(", @{name} = {}", value.literal()));
        }
    }
    call.push_str(";\n");
    call
}

/// Runs one statement that defines something, in a database.
pub(crate) fn define(database: &str, statement: &str) -> String {
    format!("EXEC {}.sys.sp_executesql {};\n", ident(database), literal(&format!("{statement};")))
}

/// One transaction that is undone as a whole when anything in it fails: not every error of a definition ends a batch, even
/// with XACT_ABORT, and those that system procedures raise never do (Transact-SQL reference, "SET XACT_ABORT").
pub(crate) fn frame(statements: &str) -> String {
    format!(
        "BEGIN TRY\nBEGIN TRANSACTION;\n{statements}COMMIT TRANSACTION;\nEND TRY\nBEGIN CATCH\n\
         IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;\nTHROW;\nEND CATCH;\n"
    )
}

/// How the lock of a change is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// By whoever looks.
    Shared,
    /// By whoever changes.
    Exclusive,
}

/// Takes the lock of a change, which lasts until the transaction ends, and then tests the last moment, if there is one.
pub(crate) fn lock(database: &str, change: &ChangeId, lock: Lock, until: Option<WallTime>) -> String {
    let mode = if lock == Lock::Shared { "Shared" } else { "Exclusive" };
    call(
        database,
        include_str!("sql/lock.sql"),
        &[
            ("resource", "nvarchar(255)", Value::Text(&resource(change))),
            ("mode", "varchar(32)", Value::Text(mode)),
            ("until", "datetime2(6)", until.map_or(Value::Null, Value::Moment)),
        ],
    )
}

/// The name of the application lock that opening, looking at and removing one change share. It is derived from the change's
/// random id, which stands only in the ledger, so that nobody on the server can take it beforehand and block the removal.
fn resource(change: &ChangeId) -> String {
    let digest = Sha256::digest(format!("mayfly advisory lock\0{change}"));
    format!("mayfly {}", hex(&digest[..16]))
}

/// Why a name cannot be that of an account or a role; `None` when it can.
pub(crate) fn bad_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.encode_utf16().count() > NAME_MOST {
        Some("it is longer than 128 characters")
    } else if name.contains('\0') {
        Some("it holds a NUL")
    } else if ["public", "guest", "dbo", "sys", "INFORMATION_SCHEMA"].iter().any(|word| word.eq_ignore_ascii_case(name))
    {
        Some("it is a reserved name")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::Entropy;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(13).wrapping_add(5);
                *byte = self.0;
            }
        }
    }

    /// What a server makes of a literal: the quotes and the continuations taken away.
    fn read(literal: &str) -> String {
        let inner = literal.strip_prefix("N'").unwrap().strip_suffix('\'').unwrap();
        assert!(!inner.replace("''", "").contains('\''), "a quote ends it early: {literal}");
        inner.replace("''", "'").replace("\\\r\n", "").replace("\\\n", "")
    }

    /// FAILURES 38: nothing ends the quotes early, and what is read is what was meant.
    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(ident("a]; DROP LOGIN [sa]; --"), "[a]]; DROP LOGIN [sa]]; --]");
        assert_eq!(ident("a\0b"), "[ab]");
        assert_eq!(literal("a'b"), "N'a''b'");
        for text in ["a'; DROP LOGIN sa; --", "", "'", "''", "sa\\\nx", "\\\r\n", "\\\\\n", "a\\", "\\'\n"] {
            assert_eq!(read(&literal(text)), text, "{text:?}");
            // A statement within a statement, as in a call.
            assert_eq!(read(&read(&literal(&literal(text)))), text, "{text:?}");
        }
    }

    #[test]
    fn a_value_stays_a_value() {
        let text = call("a]b", "-- mayfly x\nSELECT @name;\n", &[("name", "sysname", Value::Text("x', @y = N'z"))]);
        assert_eq!(
            text,
            "EXEC [a]]b].sys.sp_executesql N'-- mayfly x\nSELECT @name;', N'@name sysname', @name = N'x'', @y = N''z';\n"
        );
        let text = define("db", &format!("CREATE USER {} WITHOUT LOGIN", ident("a']; EXEC x")));
        assert_eq!(text, "EXEC [db].sys.sp_executesql N'CREATE USER [a'']]; EXEC x] WITHOUT LOGIN;';\n");
    }

    #[test]
    fn sids_read_back() {
        assert_eq!(hex(&[0, 0xab]), "0x00AB");
        assert_eq!(bytes("0x00AB"), Some(vec![0, 0xab]));
        assert_eq!(bytes("0x"), Some(vec![]));
        for bad in ["", "00AB", "0x0", "0x0g", "0x é"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_people_see_cannot_move_their_cursor() {
        assert_eq!(shown("plain ]x é"), "[plain ]]x é]");
        assert_eq!(shown("a\u{1b}[31m\u{202e}"), "[a\\u{1b}[31m\\u{202e}]");
    }

    #[test]
    fn moments_beyond_the_calendar_are_the_last() {
        assert_eq!(moment(WallTime::from_micros(0)), "N'1970-01-01T00:00:00.000000'");
        assert_eq!(moment(WallTime::from_micros(i64::MAX)), "N'9999-12-31T23:59:59.999999'");
    }

    #[test]
    fn locks_differ_and_stay() {
        let mut entropy = Counting(1);
        let (one, two) = (ChangeId::random(&mut entropy), ChangeId::random(&mut entropy));
        assert_eq!(resource(&one), resource(&one));
        assert_ne!(resource(&one), resource(&two));
        assert!(lock("master", &one, Lock::Shared, None).ends_with("@mode = N'Shared', @until = NULL;\n"));
    }

    #[test]
    fn names_follow_the_server() {
        for good in ["a", "A b", "keeper_0123456789abc", &"x".repeat(128), "publicity", "CORP\\alice"] {
            assert_eq!(bad_name(good), None, "{good}");
        }
        for bad in ["", "Public", "dbo", "guest", "a\0", &"x".repeat(129)] {
            assert!(bad_name(bad).is_some(), "{bad}");
        }
    }
}
