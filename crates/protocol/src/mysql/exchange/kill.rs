//! How a client asks the server to end a query or a connection of its own: with the number from its greeting, which behind a
//! relay is not the server's.

use std::ops::Range;

use crate::mysql::{
    Command,
    frame::{HEADER_LEN, Sequence, encode},
};

/// The longest message that can be a [`Kill`], without its header. Longer ones are not looked at.
pub(super) const MAX_KILL_LEN: usize = 64;

/// A whole message that asks to end a query or a connection: `COM_PROCESS_KILL`, or a query that is nothing but
/// `KILL [HARD | SOFT] [CONNECTION | QUERY] number`, as command line clients send on an interrupt (`mysql` of MySQL, `mariadb`) and
/// drivers where a query is cancelled. A client that writes it in another way (with an expression or a comment) has to use
/// the number that the server gives, as from `CONNECTION_ID()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    id: u32,
    payload: Vec<u8>,
    /// Where in the payload the number is.
    at: Range<usize>,
}

impl Kill {
    /// The number that the client means.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The packet with another number in that one's place.
    #[must_use]
    pub fn with_id(&self, id: u32) -> Vec<u8> {
        let number = match self.payload.first() {
            Some(first) if *first == Command::ProcessKill as u8 => id.to_le_bytes().to_vec(),
            _ => id.to_string().into_bytes(),
        };
        let payload = [&self.payload[..self.at.start], &number, &self.payload[self.at.end..]].concat();
        let mut out = Vec::with_capacity(HEADER_LEN + payload.len());
        encode(&payload, &mut Sequence::new(), &mut out);
        out
    }

    /// Reads a whole payload.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (id, at) = match Command::from_byte(*payload.first()?)? {
            Command::ProcessKill => (u32::from_le_bytes(payload[1..].try_into().ok()?), 1..payload.len()),
            Command::Query => in_text(payload)?,
            _ => return None,
        };
        Some(Self { id, payload: payload.to_vec(), at })
    }

    /// Whether a query that begins so could be one, if its rest was there.
    pub(super) fn may_begin(payload: &[u8]) -> bool {
        let text = payload.get(1..).unwrap_or_default().trim_ascii_start();
        text.iter().zip(b"kill").all(|(byte, expected)| byte.eq_ignore_ascii_case(expected))
    }
}

/// The number in a query's text, and where it is in the payload.
fn in_text(payload: &[u8]) -> Option<(u32, Range<usize>)> {
    let mut words = Words { payload, at: 1 };
    if !words.next()?.eq_ignore_ascii_case(b"kill") {
        return None;
    }
    let mut range = words.range()?;
    for optional in [&[&b"hard"[..], b"soft"][..], &[b"connection", b"query"]] {
        if optional.iter().any(|word| payload[range.clone()].eq_ignore_ascii_case(word)) {
            range = words.range()?;
        }
    }
    let digits = &payload[range.clone()];
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(words.rest(), b"" | b";") {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, range))
}

/// Words of letters or digits, with white space between them.
struct Words<'a> {
    payload: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// Where the next word is.
    fn range(&mut self) -> Option<Range<usize>> {
        let start = self.at + self.payload[self.at..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        let len = self.payload[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        // Words have white space between them: `KILL5` and `QUERY/**/5` are none of these.
        let separated = self.at == 1 || start > self.at;
        self.at = start + len;
        (len > 0 && separated).then_some(start..start + len)
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        self.range().map(|range| &self.payload[range])
    }

    /// What follows, without the white space around it.
    fn rest(&self) -> &'a [u8] {
        self.payload[self.at..].trim_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_is_recognised_and_keeps_its_form() {
        for (text, with) in [
            ("KILL 5", "KILL 4000000000"),
            ("KILL QUERY 5", "KILL QUERY 4000000000"),
            ("kill query 5;", "kill query 4000000000;"),
            ("  Kill\tconnection\n5 ; ", "  Kill\tconnection\n4000000000 ; "),
            ("KILL HARD QUERY 5", "KILL HARD QUERY 4000000000"),
            ("KILL SOFT 5", "KILL SOFT 4000000000"),
        ] {
            let kill = Kill::read(&[b"\x03", text.as_bytes()].concat()).unwrap();
            assert_eq!(kill.id(), 5, "{text}");
            let payload = [b"\x03", with.as_bytes()].concat();
            assert_eq!(kill.with_id(4_000_000_000)[4..], payload, "{text}");
            assert_eq!(kill.with_id(5)[4..], [b"\x03", text.as_bytes()].concat());
        }
        let kill = Kill::read(b"\x0c\x05\0\0\x80").unwrap();
        assert_eq!((kill.id(), kill.with_id(7)), (0x8000_0005, b"\x05\0\0\0\x0c\x07\0\0\0".to_vec()));
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "KILL",
            "KILL QUERY",
            "KILL QUERY ID 5",
            "KILL USER u",
            "KILL5",
            "KILL -5",
            "KILL 5 + 1",
            "KILL 5; SELECT 1",
            "KILL QUERY CONNECTION 5",
            "KILL /* no */ 5",
            "KILL CONNECTION_ID()",
            "KILL 99999999999",
            "SELECT 'KILL 5'",
            "K",
        ] {
            assert_eq!(Kill::read(&[b"\x03", text.as_bytes()].concat()), None, "{text}");
        }
        for payload in [&b""[..], b"\x0c", b"\x0c\x05\0\0", b"\x0c\x05\0\0\0\0", b"\x16KILL 5"] {
            assert_eq!(Kill::read(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_beginning_is_waited_for_only_where_it_can_become_one() {
        for text in ["", " ", "K", "ki", " KILL", "KILL QUERY 5"] {
            assert!(Kill::may_begin(&[b"\x03", text.as_bytes()].concat()), "{text}");
        }
        for text in ["S", "kiln", "KI LL"] {
            assert!(!Kill::may_begin(&[b"\x03", text.as_bytes()].concat()), "{text}");
        }
    }
}
