//! Building statements: quoting, and the few expressions that many statements share. Every name and text that comes from
//! outside passes through here, whether a person typed it or a target answered it (FAILURES 38). The quoting holds for the
//! `sql_mode` and the character set that each connection of ours sets first.

pub(crate) use crate::text::fill;
use crate::text::is_unsafe_to_show;
use mayfly_domain::{ChangeId, WallTime};
use sha2::{Digest as _, Sha256};

/// Raised by a guard of ours (`ER_DATA_OUT_OF_RANGE`): a condition that a statement rests on does not hold.
pub(crate) const GUARD: u16 = 1690;

/// Quotes a text as a literal (MySQL manual, "String Literals"; the same for MariaDB).
pub(crate) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for char in text.chars() {
        match char {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            // Ends a line for some clients, and is the end of a file for others.
            '\u{1a}' => quoted.push_str("\\Z"),
            char => quoted.push(char),
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes a name as an identifier. A NUL, which no name on a server has, is left out.
pub(crate) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('\0', "").replace('`', "``"))
}

/// An account as statements name it.
pub(crate) fn account(user: &str, host: &str) -> String {
    format!("{}@{}", literal(user), literal(host))
}

/// A role of MariaDB as statements name it.
pub(crate) fn role(name: &str) -> String {
    ident(name)
}

/// A text for people that can be pasted into a statement: nothing in it can move a terminal's cursor or turn its text around.
pub(crate) fn shown(text: &str) -> String {
    let safe: String = text.chars().map(|char| if is_unsafe_to_show(char) { '\u{fffd}' } else { char }).collect();
    literal(&safe)
}

/// An account for people, as [`shown`].
pub(crate) fn shown_account(user: &str, host: &str) -> String {
    format!("{}@{}", shown(user), shown(host))
}

/// A moment as a literal of a session whose time zone is UTC. Beyond the calendar it is the calendar's end.
pub(crate) fn moment(at: WallTime) -> String {
    let text = at.to_string();
    match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
        Some((day, time)) => literal(&format!("{day} {time}")),
        None => "'9999-12-31 23:59:59'".to_owned(),
    }
}

/// The microseconds since 1970 of the server's clock at the moment at which this is evaluated.
pub(crate) const NOW: &str = "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)";

/// A statement that fails with [`GUARD`] unless the condition holds: neither server has a plainer one outside of a routine.
pub(crate) fn require(condition: &str) -> String {
    format!("SELECT EXP(IF({condition}, 0, 99999));\n")
}

/// The condition that the lock of a change is taken, waited for a moment. Opening, looking at and removing one change share it.
/// Its name is derived from the change's random id, which stands only in the ledger, so that nobody on the target can take it
/// beforehand and block the removal.
pub(crate) fn takes_lock(change: &ChangeId) -> String {
    let digest = Sha256::digest(format!("mayfly lock\0{change}"));
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("GET_LOCK('mayfly_{name}', 4) = 1")
}

/// The statement that lets all locks go.
pub(crate) const RELEASE: &str = "DO RELEASE_ALL_LOCKS();\n";

/// Why a name cannot be that of an account or role; `None` when it can.
pub(crate) fn bad_name(name: &str, most: usize) -> Option<&'static str> {
    if name.is_empty() {
        // An account without a name is everybody's.
        Some("it is empty")
    } else if name.chars().count() > most {
        Some("it is longer than the server allows")
    } else if name.contains('\0') {
        Some("it holds a NUL")
    } else if name.ends_with(' ') || name.starts_with(' ') {
        // The server compares names as if such spaces were not there.
        Some("it begins or ends with a space")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAILURES 38: nothing ends the quotes early.
    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(literal(r"a'; DROP USER root; --"), r"'a''; DROP USER root; --'");
        assert_eq!(literal(r"a\' --"), r"'a\\'' --'");
        assert_eq!(literal("a\0b\u{1a}"), r"'a\0b\Z'");
        assert_eq!(ident("a`; DROP"), "`a``; DROP`");
        assert_eq!(account("o'hara", "10.%"), "'o''hara'@'10.%'");
    }

    #[test]
    fn what_people_see_cannot_move_their_cursor() {
        assert_eq!(shown("a\u{1b}[31m'\u{202e}"), "'a\u{fffd}[31m''\u{fffd}'");
    }

    #[test]
    fn moments_beyond_the_calendar_are_its_end() {
        assert_eq!(moment(WallTime::from_micros(0)), "'1970-01-01 00:00:00.000000'");
        assert_eq!(moment(WallTime::from_micros(i64::MAX)), "'9999-12-31 23:59:59'");
    }

    #[test]
    fn names_follow_the_server() {
        for good in ["a", "A b", "keeper_0123456789abc", &"é".repeat(32), "%"] {
            assert_eq!(bad_name(good, 32), None, "{good}");
        }
        for bad in ["", "a\0", &"x".repeat(33), "a ", " a"] {
            assert!(bad_name(bad, 32).is_some(), "{bad}");
        }
    }
}
