//! Whole packets, for the handshake.

use std::fmt;

use zeroize::Zeroizing;

use super::{HEADER_LEN, Header, MAX_PACKET_LEN};
use crate::mysql::DecodeError;

/// One whole packet. Its payload is wiped when dropped, because a client's can be a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// The packet's number.
    pub sequence: u8,
    /// What follows the header.
    pub payload: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({}, {} bytes)", self.sequence, self.payload.len())
    }
}

/// Gathers one packet at a time out of slices of any size. It takes nothing beyond the end of the current packet: what
/// follows the handshake stays with the caller, and bytes that come in clear behind an `SSLRequest` are never taken for
/// bytes that came through TLS. Its buffer grows with the bytes that are there, never with the length that is claimed.
///
/// ```
/// use mayfly_protocol::mysql::frame::{MAX_LOGIN_LEN, PacketReader};
///
/// let mut reader = PacketReader::new(MAX_LOGIN_LEN);
/// let (taken, packet) = reader.push(b"\x01\0\0\x02\x04\x07\0")?;
/// assert_eq!((taken, packet.map(|p| p.sequence)), (5, Some(2)));
/// # Ok::<(), mayfly_protocol::mysql::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct PacketReader {
    max_len: usize,
    header: [u8; HEADER_LEN],
    /// How many bytes of the header are there.
    have: usize,
    payload: Zeroizing<Vec<u8>>,
}

impl PacketReader {
    /// A reader at the beginning of a packet, for packets whose payloads have at most `max_len` bytes. A packet that
    /// would be continued by another is above any cap.
    #[must_use]
    pub fn new(max_len: usize) -> Self {
        Self {
            max_len: max_len.min(MAX_PACKET_LEN - 1),
            header: [0; HEADER_LEN],
            have: 0,
            payload: Zeroizing::default(),
        }
    }

    /// How many bytes may be read now without going beyond the end of the current packet. Never 0.
    #[must_use]
    pub fn wants(&self) -> usize {
        if self.have < HEADER_LEN {
            return HEADER_LEN - self.have;
        }
        // A whole header with nothing to come is only there after a violation, when the connection has to be ended.
        Header::decode(self.header).len.min(self.max_len).saturating_sub(self.payload.len()).max(1)
    }

    /// Whether nothing of a packet is there yet, so that an end of the stream is an orderly one.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.have == 0
    }

    /// Takes bytes up to the end of the current packet. Returns how many were taken, and the packet if it is complete
    /// now; the rest of `input`, if any, belongs to what follows.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if the length is above the cap, before any of the payload is taken; the connection has to
    /// be ended.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Option<Packet>), DecodeError> {
        let head = input.len().min(HEADER_LEN - self.have);
        self.header[self.have..self.have + head].copy_from_slice(&input[..head]);
        self.have += head;
        if self.have < HEADER_LEN {
            return Ok((head, None));
        }
        let header = Header::decode(self.header);
        if header.len > self.max_len {
            return Err(DecodeError::Length(u64::try_from(header.len).unwrap_or(u64::MAX)));
        }
        let rest = &input[head..];
        let part = rest.len().min(header.len - self.payload.len());
        self.append(&rest[..part]);
        if self.payload.len() < header.len {
            return Ok((head + part, None));
        }
        self.have = 0;
        let payload = std::mem::take(&mut self.payload);
        Ok((head + part, Some(Packet { sequence: header.sequence, payload })))
    }

    /// Appends to the payload. Growing makes a new buffer and wipes the old one, which `Vec` would leave behind.
    fn append(&mut self, bytes: &[u8]) {
        let len = self.payload.len() + bytes.len();
        if len > self.payload.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(len.max(2 * self.payload.len())));
            grown.extend_from_slice(&self.payload);
            self.payload = grown;
        }
        self.payload.extend_from_slice(bytes);
    }
}

impl fmt::Debug for PacketReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacketReader({} bytes so far)", self.have + self.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mysql::frame::{Sequence, encode};

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_packets(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..6),
            step in 1usize..40,
        ) {
            let (mut wire, mut sequence) = (Vec::new(), Sequence::new());
            for payload in &payloads {
                encode(payload, &mut sequence, &mut wire);
            }
            let (mut reader, mut rest, mut sequence) = (PacketReader::new(30), wire.as_slice(), Sequence::new());
            let mut got = Vec::new();
            while !rest.is_empty() {
                let (taken, packet) = reader.push(&rest[..step.min(rest.len())]).unwrap();
                prop_assert!(taken > 0);
                rest = &rest[taken..];
                if let Some(packet) = packet {
                    sequence.check(&packet).unwrap();
                    got.push(packet.payload.to_vec());
                }
            }
            prop_assert!(reader.at_boundary());
            prop_assert_eq!(got, payloads);
        }

        #[test]
        fn reading_what_it_wants_never_goes_too_far(payload in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut wire = Vec::new();
            encode(&payload, &mut Sequence::new(), &mut wire);
            wire.extend(b"next");
            let (mut reader, mut pos) = (PacketReader::new(30), 0);
            let packet = loop {
                let wants = reader.wants();
                let (taken, packet) = reader.push(&wire[pos..pos + wants]).unwrap();
                prop_assert_eq!(taken, wants);
                pos += taken;
                if let Some(packet) = packet { break packet; }
            };
            prop_assert_eq!(&*packet.payload, &payload);
            prop_assert_eq!(&wire[pos..], b"next");
        }
    }

    #[test]
    fn cap_holds_before_the_payload_comes() {
        assert_eq!(PacketReader::new(10).push(b"\x0b\0\0\0abc"), Err(DecodeError::Length(11)));
        assert_eq!(PacketReader::new(11).push(b"\x0b\0\0\0abc"), Ok((7, None)));
        let continued = PacketReader::new(usize::MAX).push(b"\xff\xff\xff\0");
        assert_eq!(continued, Err(DecodeError::Length(0xff_ffff)));
        let mut reader = PacketReader::new(10);
        assert!(reader.push(b"\x0b\0\0\0").is_err());
        assert!(reader.wants() > 0);
    }

    #[test]
    fn claimed_lengths_are_not_allocated() {
        let mut reader = PacketReader::new(usize::MAX);
        reader.push(b"\xfe\xff\xff\0abc").unwrap();
        assert!(reader.payload.capacity() < 100);
        assert!(!format!("{reader:?}").contains("abc"));
    }
}
