//! What the relay asks of the stream from the client: where commands begin, and whether one of them is refused.

use super::{HEADER_LEN, Header, MAX_PACKET_LEN};
use crate::mysql::Command;

/// Why a message of a client may not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The command is known and not let through.
    #[error("command {0} is not supported on a brokered connection")]
    Command(Command),
    /// The command is not known.
    #[error("command {0:#04x} is unknown")]
    Unknown(u8),
    /// The message is empty, so that it has no command.
    #[error("message has no command")]
    Empty,
    /// The message answers the server instead of beginning a command: its number is not 0. After log-in the only such
    /// message is the content of a file that a server asked for (`LOCAL INFILE`), which a hostile server does unasked.
    #[error("client sends data where a command belongs, as for LOAD DATA LOCAL")]
    NotACommand,
}

/// What [`CommandGuard::scan`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// How many bytes from the beginning may be passed on.
    pub pass: usize,
    /// Why the message that begins behind them may not be. If there is nothing wrong, what is left is less than the head
    /// of a message, and has to be handed over again in front of what comes next.
    pub refusal: Option<Refusal>,
}

/// Looks at the head of every message of a client and at nothing else. It stores none of the stream.
///
/// ```
/// use mayfly_protocol::mysql::{Command, frame::{CommandGuard, Refusal}};
///
/// let mut guard = CommandGuard::new();
/// // COM_PING, and COM_CHANGE_USER behind it.
/// let scan = guard.scan(b"\x01\0\0\0\x0e\x03\0\0\0\x11a\0");
/// assert_eq!((scan.pass, scan.refusal), (5, Some(Refusal::Command(Command::ChangeUser))));
/// ```
#[derive(Debug, Clone, Default)]
pub struct CommandGuard {
    /// Bytes of the current payload that are still to come.
    left: usize,
    /// Whether the last packet that began is followed by another of its message.
    continues: bool,
}

impl CommandGuard {
    /// A guard at the beginning of a message, as after the handshake.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at what has come from the client: first what an earlier call did not let pass, then what is new. A refusal
    /// stays: the session has to be ended with an error, because the server must not see that message.
    pub fn scan(&mut self, buffer: &[u8]) -> Scan {
        let mut pass = 0;
        loop {
            let part = self.left.min(buffer.len() - pass);
            self.left -= part;
            pass += part;
            let Some(head) = buffer[pass..].first_chunk::<HEADER_LEN>() else {
                return Scan { pass, refusal: None };
            };
            let header = Header::decode(*head);
            if !self.continues {
                match judge(header, buffer.get(pass + HEADER_LEN)) {
                    Verdict::Pass => {}
                    Verdict::Wait => return Scan { pass, refusal: None },
                    Verdict::Refuse(refusal) => return Scan { pass, refusal: Some(refusal) },
                }
            }
            self.continues = header.len == MAX_PACKET_LEN;
            self.left = header.len;
            pass += HEADER_LEN;
        }
    }
}

/// What to do with a message.
enum Verdict {
    Pass,
    /// Its command has not come yet.
    Wait,
    Refuse(Refusal),
}

/// Judges a message by the header of its first packet and, as far as it has come, the first byte of its payload.
fn judge(header: Header, first: Option<&u8>) -> Verdict {
    if header.sequence != 0 {
        return Verdict::Refuse(Refusal::NotACommand);
    }
    if header.len == 0 {
        return Verdict::Refuse(Refusal::Empty);
    }
    let Some(byte) = first else { return Verdict::Wait };
    match Command::from_byte(*byte) {
        Some(command) if command.is_allowed() => Verdict::Pass,
        Some(command) => Verdict::Refuse(Refusal::Command(command)),
        None => Verdict::Refuse(Refusal::Unknown(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mysql::frame::{Sequence, encode};

    /// Hands a stream over in slices, keeping back what may not pass yet. Returns what passed, and the refusal.
    fn relay(stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<Refusal>) {
        let (mut guard, mut buffer, mut passed, mut from) = (CommandGuard::new(), Vec::new(), Vec::new(), 0);
        for to in cuts.iter().copied().chain([stream.len()]) {
            buffer.extend_from_slice(&stream[from..to]);
            from = to;
            let scan = guard.scan(&buffer);
            passed.extend(buffer.drain(..scan.pass));
            if scan.refusal.is_some() {
                assert_eq!(guard.scan(&buffer), Scan { pass: 0, ..scan }, "a refusal stays");
                return (passed, scan.refusal);
            }
            assert!(buffer.len() <= HEADER_LEN, "more is kept than the head of a message");
        }
        (passed, None)
    }

    proptest! {
        #[test]
        fn everything_up_to_the_refused_command_passes(
            allowed in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            refused in prop::sample::select(&[0x11u8, 0x12, 0x1e, 0x00, 0x22, 0xff][..]),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut stream = Vec::new();
            for body in &allowed {
                encode(&[b"\x03", body.as_slice()].concat(), &mut Sequence::new(), &mut stream);
            }
            let clean = stream.clone();
            encode(&[refused, b'x'], &mut Sequence::new(), &mut stream);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let expected = match Command::from_byte(refused) {
                Some(command) => Refusal::Command(command),
                None => Refusal::Unknown(refused),
            };
            prop_assert_eq!(relay(&stream, &cuts), (clean.clone(), Some(expected)));
            cuts.retain(|cut| *cut <= clean.len());
            prop_assert_eq!(relay(&clean, &cuts), (clean, None));
        }
    }

    #[test]
    fn a_file_for_the_server_is_no_command() {
        // A query (number 0), the server's request for a file (number 1), the file (number 2).
        let stream = b"\x02\0\0\0\x03x\x04\0\0\x02root";
        assert_eq!(relay(stream, &[]), (stream[..6].to_vec(), Some(Refusal::NotACommand)));
        assert_eq!(relay(b"\0\0\0\x02", &[]), (Vec::new(), Some(Refusal::NotACommand)));
        assert_eq!(relay(b"\0\0\0\0", &[]), (Vec::new(), Some(Refusal::Empty)));
    }

    #[test]
    fn continued_packets_have_no_command() {
        let mut stream = Vec::new();
        // The second packet begins with the byte of COM_CHANGE_USER, and has number 1.
        let mut payload = vec![0x11; MAX_PACKET_LEN + 5];
        payload[0] = 0x03;
        encode(&payload, &mut Sequence::new(), &mut stream);
        assert_eq!(relay(&stream, &[9, MAX_PACKET_LEN, MAX_PACKET_LEN + 6]), (stream.clone(), None));
    }
}
