//! Syslog: the header and the structured data of RFC 5424 around an encoded entry, and the framing by octet counts of RFC 6587
//! §3.4.1, which RFC 5425 demands over TLS.

use super::{PRODUCT, VERSION};
use crate::entry::Entry;
use crate::meaning;

/// Facility 13, log audit (RFC 5424 §6.2.1).
const FACILITY: u8 = 13;
/// The name of our structured data. It needs an enterprise number; we have none, so this is the one of examples (RFC 5612).
const OURS: &str = "mayfly@32473";
/// The keys of an entry that stand in it.
const KEYS: &[&str] =
    &["installation", "actor", "person", "record", "session", "connection", "change", "target", "account", "group"];
/// The longest host name of a header.
const HOST_MOST: usize = 255;

/// The message for an entry whose encoded form is `line`, from the host that people know as `host`.
///
/// The form stands there as it is, without a byte order mark: a receiver gets exactly the bytes that a file would hold.
pub fn message(entry: &Entry, host: &str, line: &str) -> String {
    let priority = u16::from(FACILITY) * 8 + u16::from(meaning::of(entry.kind).severity.syslog());
    let host: String = host.chars().filter(char::is_ascii_graphic).take(HOST_MOST).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let (at, run, word) = (entry.at, entry.get("run").unwrap_or("-"), entry.word());
    let mut data = format!("[origin software=\"{PRODUCT}\" swVersion=\"{VERSION}\"][{OURS} seq=\"{}\"", entry.sequence);
    for key in KEYS {
        if let Some(text) = entry.get(key) {
            data.push_str(&format!(" {key}=\"{}\"", escaped(text)));
        }
    }
    data.push(']');
    format!("<{priority}>1 {at} {host} mayfly {run} {word} {data} {line}")
}

/// A message with the count of its octets in front.
pub fn frame(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

/// The value of a parameter: `"`, `\` and `]` are escaped (RFC 5424 §6.3.3).
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '"' | '\\' | ']' => escaped.extend(['\\', character]),
            // A receiver that writes lines must not be made to write two.
            '\r' | '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::example::{bare, entry, full};
    use mayfly_domain::audit::EventKind;

    #[test]
    fn a_message_has_the_header_and_the_data_of_rfc_5424() {
        let mut event = full(EventKind::SessionTerminated);
        event.target = Some("a\"b\\c]d\ne".to_owned());
        assert_eq!(
            message(&entry(7, &event), "gw.example.com", "{}"),
            format!(
                "<109>1 2025-11-24T16:00:00.000001Z gw.example.com mayfly run_0000000000000000 session.terminated \
                 [origin software=\"Mayfly\" swVersion=\"{VERSION}\"][mayfly@32473 seq=\"7\" \
                 installation=\"ins_0000000000000000\" actor=\"person:alice\" person=\"alice\" record=\"orders\" \
                 session=\"ses_0000000000000000\" connection=\"con_0000000000000000\" change=\"chg_0000000000000000\" \
                 target=\"a\\\"b\\\\c\\]d e\" account=\"keeper_0123456789abc\" group=\"read|only\"] {{}}"
            )
        );
    }

    #[test]
    fn a_frame_counts_octets_and_not_characters() {
        assert_eq!(frame("é!"), b"3 \xc3\xa9!");
    }

    /// RFC 5424 §6: names and ids of a header have limits; every kind keeps them.
    #[test]
    fn every_header_keeps_the_limits() {
        for kind in EventKind::ALL {
            assert!(kind.as_str().len() <= 32, "{kind:?} is too long for a MSGID");
            let text = message(&entry(0, &bare(*kind, "server")), "", "x");
            assert_eq!(text.split(' ').nth(2), Some("-"), "{text}");
        }
    }
}
