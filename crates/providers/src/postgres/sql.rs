//! Building statements: quoting, templates, and the few expressions that many statements share. Every name and text that
//! comes from outside passes through here, whether a person typed it or a target answered it (FAILURES 38).

pub(crate) use crate::text::fill;
use crate::text::is_unsafe_to_show;
use mayfly_domain::{ChangeId, WallTime};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Quotes a name as an identifier (PostgreSQL manual, 4.1.1). No name can end the quotes early; a NUL, which no name on a
/// server has, would end the whole statement and is left out.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

/// Quotes a name as an identifier for people: the same statement works when it is pasted, and nothing in it can move a
/// terminal's cursor or turn its text around.
pub(crate) fn shown(name: &str) -> String {
    if !name.chars().any(is_unsafe_to_show) {
        return ident(name);
    }
    // Unicode escapes in identifiers: manual, 4.1.2.3.
    let mut text = String::from("U&\"");
    for char in name.chars() {
        match char {
            '"' => text.push_str("\"\""),
            '\\' => text.push_str("\\\\"),
            char if is_unsafe_to_show(char) => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\+{:06x}", u32::from(char));
            }
            char => text.push(char),
        }
    }
    text.push('"');
    text
}

/// Quotes a text as a literal that means the same whatever `standard_conforming_strings` says (manual, 4.1.2.2).
pub(crate) fn literal(text: &str) -> String {
    let text = text.replace('\0', "");
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// A moment as a literal. Beyond the calendar it is `infinity`, which is what it means.
pub(crate) fn moment(at: WallTime) -> String {
    let text = at.to_string();
    if text.ends_with('Z') { format!("'{text}'::timestamptz") } else { "'infinity'::timestamptz".to_owned() }
}

/// The microseconds since 1970 of an expression of type `timestamptz`.
pub(crate) fn micros(expression: &str) -> String {
    format!("(extract(epoch from {expression}) * 1000000)::bigint")
}

/// An anonymous block (DO) of PL/pgSQL.
pub(crate) fn block(body: &str) -> String {
    format!("DO LANGUAGE plpgsql {};\n", literal(body))
}

/// The key of the advisory lock that opening, looking at and removing one change share. It is derived from the change's
/// random id, which stands only in the ledger, so that nobody on the target can take it beforehand and block the removal.
pub(crate) fn lock_key(change: &ChangeId) -> i64 {
    let digest = Sha256::digest(format!("mayfly advisory lock\0{change}"));
    let mut bytes = [0_u8; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}

/// Why a name cannot be that of a role on PostgreSQL; `None` when it can.
pub(crate) fn bad_role_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > 63 {
        // The server would cut it, and two long names would become one.
        Some("it is longer than 63 bytes")
    } else if name.contains('\0') {
        Some("it holds a NUL")
    } else if name.starts_with("pg_") {
        Some("names that begin with `pg_` are reserved")
    } else if ["public", "none", "current_role", "current_user", "session_user"].contains(&name) {
        Some("it is a reserved word")
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

    /// FAILURES 38: nothing ends the quotes early.
    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(ident(r#"a"; DROP ROLE postgres; --"#), r#""a""; DROP ROLE postgres; --""#);
        assert_eq!(ident("a\0b"), "\"ab\"");
        assert_eq!(literal("a'b"), "'a''b'");
        assert_eq!(literal(r"a\' --"), r"E'a\\'' --'");
        assert_eq!(literal("$$"), "'$$'");
    }

    #[test]
    fn what_people_see_cannot_move_their_cursor() {
        assert_eq!(shown("plain \"x\" é"), "\"plain \"\"x\"\" é\"");
        assert_eq!(shown("a\u{1b}[31m\"\\\u{202e}"), "U&\"a\\+00001b[31m\"\"\\\\\\+00202e\"");
    }

    #[test]
    fn moments_beyond_the_calendar_are_infinite() {
        assert_eq!(moment(WallTime::from_micros(0)), "'1970-01-01T00:00:00.000000Z'::timestamptz");
        assert_eq!(moment(WallTime::from_micros(i64::MAX)), "'infinity'::timestamptz");
    }

    #[test]
    fn lock_keys_differ_and_stay() {
        let mut entropy = Counting(1);
        let (one, two) = (ChangeId::random(&mut entropy), ChangeId::random(&mut entropy));
        assert_eq!(lock_key(&one), lock_key(&one));
        assert_ne!(lock_key(&one), lock_key(&two));
    }

    #[test]
    fn role_names_follow_the_server() {
        for good in ["a", "A b", "keeper_0123456789abc", &"x".repeat(63), "Public"] {
            assert_eq!(bad_role_name(good), None, "{good}");
        }
        for bad in ["", "pg_x", "public", "none", "a\0", &"x".repeat(64), &"é".repeat(32)] {
            assert!(bad_role_name(bad).is_some(), "{bad}");
        }
    }
}
