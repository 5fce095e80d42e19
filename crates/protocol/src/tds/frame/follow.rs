//! The boundary follower of the relay, for both directions.

use super::{HEADER_LEN, Header, PacketType, SMP_HEADER_LEN, SMP_ID, Status, smp};
use crate::tds::DecodeError;

/// Whose messages are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Those of a client that is logged in: requests, and nothing else ([`PacketType::is_request`]).
    Client,
    /// Those of a server: results.
    Server,
}

/// Follows the boundaries of messages through a stream that is handed over in slices of any size. It stores at most one
/// header and looks at nothing but headers, so that a relay can copy bytes as they come and still know where a message
/// of its own may stand. Packets in the wraps of MARS are followed, and their types looked at, but no message of another
/// can stand between them any more: each wrap has a number.
///
/// ```
/// use mayfly_protocol::tds::frame::{Framer, Sender};
///
/// let mut framer = Framer::new(Sender::Client);
/// // A whole message and the beginning of the next.
/// assert_eq!(framer.follow(b"\x06\x01\0\x08\0\0\0\0\x01\x01")?, Some(8));
/// assert!(!framer.at_boundary());
/// # Ok::<(), mayfly_protocol::tds::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Framer {
    sender: Sender,
    /// Bytes of the current packet that are still to come.
    left: usize,
    /// The part of the headers that has come so far: of a packet, or of a wrap and the packet in it.
    header: [u8; SMP_HEADER_LEN + HEADER_LEN],
    /// INVARIANT: less than what [`Framer::parse`] needs, and 0 while `left` is not.
    have: usize,
    /// Whether the last packet that began is followed by another of its message.
    continues: bool,
    /// Whether packets are wrapped.
    multiplexed: bool,
    /// The violation that was met, after which nothing is followed any more.
    broken: Option<DecodeError>,
}

/// What the bytes of a header come to.
enum Parsed {
    /// There have to be this many.
    Needs(usize),
    /// The header is whole, and this many bytes of data follow it.
    Whole { len: usize, continues: bool },
}

impl Framer {
    /// A follower at the beginning of a message, as after the log-in.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            left: 0,
            header: [0; SMP_HEADER_LEN + HEADER_LEN],
            have: 0,
            continues: false,
            multiplexed: false,
            broken: None,
        }
    }

    /// Whether the stream, as far as it was handed over, ends at the end of a message, so that another may be put there.
    /// Always true at the beginning.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.left == 0 && self.have == 0 && !self.continues && !self.multiplexed && self.broken.is_none()
    }

    /// Follows the next slice of the stream. Returns the offset in `chunk` of the last boundary in it: `chunk[..offset]`
    /// ends a message, `chunk[offset..]` is empty or begins one. `Some(0)` means that the chunk begins at a boundary and
    /// ends no message; `None`, that no message can be put anywhere in it.
    ///
    /// # Errors
    /// [`DecodeError`] for a header that is none, or a packet that the sender does not send; the same again for whatever is
    /// handed over after it.
    pub fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, DecodeError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let mut last = self.at_boundary().then_some(0);
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.left > 0 {
                let part = self.left.min(rest.len());
                self.left -= part;
                rest = &rest[part..];
            } else {
                self.header[self.have] = rest[0];
                self.have += 1;
                rest = &rest[1..];
                self.parse().inspect_err(|error| self.broken = Some(*error))?;
            }
            if self.at_boundary() {
                last = Some(chunk.len() - rest.len());
            }
        }
        Ok(last.filter(|_| !self.multiplexed))
    }

    /// Looks at the header so far, and goes on to the data if it is whole.
    fn parse(&mut self) -> Result<(), DecodeError> {
        let parsed = if self.header[0] == SMP_ID {
            self.multiplexed = true;
            self.wrapped()?
        } else if self.multiplexed {
            return Err(DecodeError::PacketType(self.header[0]));
        } else {
            self.packet(0)?
        };
        match parsed {
            Parsed::Needs(bytes) => debug_assert!(self.have < bytes),
            Parsed::Whole { len, continues } => (self.left, self.have, self.continues) = (len, 0, continues),
        }
        Ok(())
    }

    /// A wrap, and the packet in it.
    fn wrapped(&self) -> Result<Parsed, DecodeError> {
        let Some(wrap) = self.header[..self.have].first_chunk::<SMP_HEADER_LEN>() else {
            return Ok(Parsed::Needs(SMP_HEADER_LEN));
        };
        let body = smp::body_len(*wrap)?;
        if body == 0 {
            return Ok(Parsed::Whole { len: 0, continues: false });
        }
        match self.packet(SMP_HEADER_LEN)? {
            // The wrap holds exactly one packet.
            Parsed::Whole { len, .. } if len + HEADER_LEN != body => {
                Err(DecodeError::Length(u64::try_from(body).unwrap_or(u64::MAX)))
            }
            parsed => Ok(parsed),
        }
    }

    /// The header of a packet, which begins at `at`. Its type is judged as soon as it is there.
    fn packet(&self, at: usize) -> Result<Parsed, DecodeError> {
        let header = &self.header[at..self.have.max(at)];
        if let Some(byte) = header.first() {
            let kind = PacketType::from_byte(*byte).filter(|kind| match self.sender {
                Sender::Client => kind.is_request(),
                Sender::Server => *kind == PacketType::Result,
            });
            kind.ok_or(DecodeError::PacketType(*byte))?;
        }
        let Some(header) = header.first_chunk::<HEADER_LEN>() else { return Ok(Parsed::Needs(at + HEADER_LEN)) };
        let header = Header::decode(*header)?;
        Ok(Parsed::Whole { len: header.len, continues: !header.status.contains(Status::END) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tds::frame::Packets;

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_boundaries(
            bodies in prop::collection::vec(0usize..1300, 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            keep in any::<prop::sample::Index>(),
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for len in &bodies {
                // Data full of what looks like wraps must not matter.
                Packets { packet_len: 0, ..Packets::of(PacketType::Result) }.encode(&vec![SMP_ID; *len], &mut bytes);
                ends.push(bytes.len());
            }
            let bytes = &bytes[..keep.index(bytes.len() + 1)];
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut framer = Framer::new(Sender::Server);
            for range in cuts.windows(2) {
                let (from, to) = (range[0], range[1]);
                let last = framer.follow(&bytes[from..to]).unwrap();
                let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
                prop_assert_eq!(last, expected, "{}..{}", from, to);
                prop_assert_eq!(framer.at_boundary(), ends.contains(&to));
            }
        }
    }

    #[test]
    fn another_log_in_is_refused_at_its_first_byte() {
        for kind in [2, 4, 8, 16, 17, 18, 0, 0x55] {
            let mut framer = Framer::new(Sender::Client);
            assert_eq!(framer.follow(b"\x06\x01\0\x08\0\0\0\0"), Ok(Some(8)));
            assert_eq!(framer.follow(&[kind]), Err(DecodeError::PacketType(kind)));
            assert_eq!(framer.follow(b""), Err(DecodeError::PacketType(kind)));
            assert!(!framer.at_boundary());
        }
        assert_eq!(Framer::new(Sender::Server).follow(b"\x01"), Err(DecodeError::PacketType(1)));
        assert_eq!(Framer::new(Sender::Server).follow(b"\x04\x01\0\x07\0\0\0\0"), Err(DecodeError::Length(7)));
    }

    /// A wrap around a packet.
    fn wrap(flags: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(SMP_HEADER_LEN + body.len()).unwrap();
        [&[SMP_ID, flags, 0, 0][..], &length.to_le_bytes(), &[1, 0, 0, 0, 4, 0, 0, 0], body].concat()
    }

    #[test]
    fn wrapped_packets_are_followed_and_leave_no_place() {
        let mut framer = Framer::new(Sender::Client);
        let batch = b"\x01\x01\0\x0a\0\0\0\0ab";
        let wire = [wrap(1, b""), wrap(8, batch), wrap(2, b""), wrap(8, b"\x06\x01\0\x08\0\0\0\0")].concat();
        for byte in &wire {
            assert_eq!(framer.follow(&[*byte]), Ok(None));
            assert!(!framer.at_boundary());
        }
        assert_eq!((framer.left, framer.have), (0, 0));
        assert_eq!(framer.clone().follow(batch), Err(DecodeError::PacketType(1)), "no way back");
        assert_eq!(framer.clone().follow(&wrap(8, b"\x10\x01\0\x08\0\0\0\0")), Err(DecodeError::PacketType(16)));
        assert_eq!(framer.clone().follow(&wrap(8, b"\x01\x01\0\x09\0\0\0\0")), Err(DecodeError::Length(8)));
        assert_eq!(framer.clone().follow(&wrap(1, b"x")), Err(DecodeError::Length(17)));
        assert_eq!(framer.clone().follow(&wrap(3, b"")), Err(DecodeError::Value));
    }
}
