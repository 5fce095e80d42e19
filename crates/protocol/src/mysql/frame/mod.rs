//! Packets on the wire: three bytes of length, lowest first, one byte with the packet's number, the payload (MySQL
//! source documentation, page "MySQL Packets"). A message of 2²⁴−1 bytes or more takes several packets: each full one
//! is followed by another, if need be an empty one. Here is what finds their ends: [`PacketReader`] for the handshake,
//! where whole payloads are needed and a small cap holds; [`Framer`] for the relay, which keeps and copies nothing. What the
//! messages mean to a relay is the matter of [`exchange`](super::exchange).

mod follow;
mod reader;
mod sequence;

pub use follow::Framer;
pub use reader::{Packet, PacketReader};
pub use sequence::Sequence;

/// How many bytes length and number take.
pub const HEADER_LEN: usize = 4;

/// The longest payload of one packet, in bytes. A packet of this length is followed by another one of the same message.
pub const MAX_PACKET_LEN: usize = 0xff_ffff;

/// The longest payload that a peer may send before it is logged in, in bytes. A greeting or a log-in has a few hundred;
/// only connection attributes can make it long, and those of well-known clients do not.
pub const MAX_LOGIN_LEN: usize = 16 * 1024;

/// The header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many bytes of payload follow.
    pub len: usize,
    /// The packet's number. It begins at 0 with each command, and wraps around.
    pub sequence: u8,
}

impl Header {
    /// Decodes the first four bytes of a packet. Any will do.
    #[must_use]
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Self {
        let [a, b, c, sequence] = bytes;
        Self { len: usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16, sequence }
    }

    /// Whether another packet of the same message follows this one.
    #[must_use]
    pub fn continues(self) -> bool {
        self.len == MAX_PACKET_LEN
    }
}

/// Appends a message of any length in as many packets as it takes.
pub fn encode(payload: &[u8], sequence: &mut Sequence, out: &mut Vec<u8>) {
    let mut rest = payload;
    loop {
        let (part, tail) = rest.split_at(rest.len().min(MAX_PACKET_LEN));
        // At most MAX_PACKET_LEN: three bytes hold it.
        let [a, b, c, ..] = part.len().to_le_bytes();
        out.extend_from_slice(&[a, b, c, sequence.advance()]);
        out.extend_from_slice(part);
        if part.len() < MAX_PACKET_LEN {
            return;
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_packets_are_continued() {
        for (len, parts) in [
            (0, &[0][..]),
            (1, &[1]),
            (MAX_PACKET_LEN - 1, &[MAX_PACKET_LEN - 1]),
            (MAX_PACKET_LEN, &[MAX_PACKET_LEN, 0]),
            (MAX_PACKET_LEN + 1, &[MAX_PACKET_LEN, 1]),
            (2 * MAX_PACKET_LEN, &[MAX_PACKET_LEN, MAX_PACKET_LEN, 0]),
        ] {
            let mut wire = Vec::new();
            encode(&vec![b'x'; len], &mut Sequence::new(), &mut wire);
            let (mut rest, mut number) = (wire.as_slice(), 0);
            for part in parts {
                let (head, tail) = rest.split_first_chunk::<HEADER_LEN>().unwrap();
                let header = Header::decode(*head);
                assert_eq!(header, Header { len: *part, sequence: number }, "{len}");
                assert_eq!(header.continues(), number + 1 < u8::try_from(parts.len()).unwrap());
                rest = &tail[*part..];
                number += 1;
            }
            assert!(rest.is_empty());
            // The relay sees one message in it.
            let mut framer = Framer::new();
            assert_eq!(framer.follow(&wire[..wire.len() - 1]), Some(0));
            assert_eq!(framer.follow(&wire[wire.len() - 1..]), Some(1));
            assert_eq!(framer.next_sequence(), number);
        }
    }
}
