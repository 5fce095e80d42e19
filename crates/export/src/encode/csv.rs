//! Comma-separated values as RFC 4180 writes them, with a line of names first. What a spreadsheet would take for a formula gets an
//! apostrophe in front (SECURITY-CASES §3, 14).

use crate::entry::Entry;

/// The columns that hold texts of the entry.
const TEXTS: &[&str] = &[
    "kind",
    "actor",
    "person",
    "record",
    "session",
    "connection",
    "change",
    "target",
    "account",
    "group",
    "reason",
    "run",
];

pub(super) fn head() -> String {
    format!("seq,at,{},detail", TEXTS.join(","))
}

pub(super) fn line(entry: &Entry) -> String {
    let mut line = format!("{},{}", entry.sequence, entry.at);
    for name in TEXTS {
        line.push(',');
        line.push_str(&field(entry.get(name).unwrap_or_default()));
    }
    line.push(',');
    line.push_str(&field(&entry.details().map(ToString::to_string).unwrap_or_default()));
    line
}

/// A field, in quotes where it needs them. A line break inside is written as `\n`, so that an entry stays one line.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{text}", if formula { "'" } else { "" }).replace('\r', "\\r").replace('\n', "\\n");
    if text.contains(['"', ',']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::example::{entry, full};
    use mayfly_domain::audit::EventKind;

    #[test]
    fn an_entry_is_one_line_of_as_many_fields_as_there_are_names() {
        assert_eq!(
            line(&entry(7, &full(EventKind::MembershipAdded))),
            "7,2025-11-24T16:00:00.000001Z,membership.added,person:alice,alice,orders,ses_0000000000000000,\
             con_0000000000000000,chg_0000000000000000,postgresql:7301,keeper_0123456789abc,read|only,\
             \"a=b \\ \"\"c\"\" ] |\\nd é\",run_0000000000000000,\"{\"\"tries\"\":\"\"2\"\"}\""
        );
        assert_eq!(head().split(',').count(), 15);
    }

    #[test]
    fn no_field_is_a_formula() {
        assert_eq!(field("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        assert_eq!((field("@SUM").as_str(), field("-1").as_str(), field("a=b").as_str()), ("'@SUM", "'-1", "a=b"));
    }
}
