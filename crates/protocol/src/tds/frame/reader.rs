//! Whole messages, for the log-in and for a server of tests.

use std::fmt;

use zeroize::Zeroizing;

use super::{HEADER_LEN, Header, PacketType, Status};
use crate::tds::DecodeError;

/// One whole message. Its data is wiped when dropped, because a log-in has the password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: PacketType,
    /// What is to be done with it: of all its packets together.
    pub status: Status,
    /// The number of the connection, from a server.
    pub spid: u16,
    /// The data of all its packets.
    pub data: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {:?}, {} bytes)", self.kind, self.status, self.data.len())
    }
}

/// Gathers one message at a time out of slices of any size. It takes nothing beyond the end of the current packet: what
/// follows the log-in stays with the caller, and bytes that come in clear behind a `PRELOGIN` are never taken for bytes
/// that came through TLS. Its buffer grows with the bytes that are there, never with the length that is claimed.
///
/// ```
/// use mayfly_protocol::tds::frame::{MAX_LOGIN_LEN, MessageReader, PacketType};
///
/// let mut reader = MessageReader::new(MAX_LOGIN_LEN);
/// let (taken, message) = reader.push(b"\x06\x01\0\x08\0\0\x01\0rest")?;
/// assert_eq!((taken, message.map(|m| m.kind)), (8, Some(PacketType::Attention)));
/// # Ok::<(), mayfly_protocol::tds::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct MessageReader {
    max_len: usize,
    header: [u8; HEADER_LEN],
    /// How many bytes of the header are there.
    have: usize,
    /// The current packet, and how many bytes of it are there.
    packet: Option<(Header, usize)>,
    /// What earlier packets of the message said of it.
    begun: Option<(PacketType, Status)>,
    data: Zeroizing<Vec<u8>>,
}

impl MessageReader {
    /// A reader at the beginning of a message, for messages that have at most `max_len` bytes without their headers.
    #[must_use]
    pub fn new(max_len: usize) -> Self {
        Self { max_len, header: [0; HEADER_LEN], have: 0, packet: None, begun: None, data: Zeroizing::default() }
    }

    /// How many bytes may be read now without going beyond the end of the current packet. Never 0.
    #[must_use]
    pub fn wants(&self) -> usize {
        match self.packet {
            Some((header, got)) => (header.len - got).max(1),
            // A whole header without a packet is only there after a violation, when the connection has to be ended.
            None => (HEADER_LEN - self.have).max(1),
        }
    }

    /// Whether nothing of a message is there yet, so that an end of the stream is an orderly one.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.have == 0 && self.packet.is_none() && self.begun.is_none()
    }

    /// Takes bytes up to the end of the current packet. Returns how many were taken, and the message if it is complete
    /// now; the rest of `input`, if any, belongs to what follows. An [`PacketType::Attention`] in the middle of another message
    /// ends that one, which is then never returned (MS-TDS 2.2.1.7).
    ///
    /// # Errors
    /// [`DecodeError::Length`] if the message is above the cap, before any of the data is taken; [`DecodeError::PacketType`]
    /// for an unknown type, or for packets of two types in one message. The connection has to be ended.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Option<Message>), DecodeError> {
        let mut taken = 0;
        let (header, got) = match self.packet {
            Some(packet) => packet,
            None => {
                taken = input.len().min(HEADER_LEN - self.have);
                self.header[self.have..self.have + taken].copy_from_slice(&input[..taken]);
                self.have += taken;
                if self.have < HEADER_LEN {
                    return Ok((taken, None));
                }
                (self.accept(Header::decode(self.header)?)?, 0)
            }
        };
        let rest = &input[taken..];
        let part = rest.len().min(header.len - got);
        self.append(&rest[..part]);
        taken += part;
        if got + part < header.len {
            (self.have, self.packet) = (0, Some((header, got + part)));
            return Ok((taken, None));
        }
        (self.have, self.packet) = (0, None);
        let status = self.begun.map_or(header.status, |(_, status)| status | header.status);
        if !header.status.contains(Status::END) {
            self.begun = Some((header.kind, status));
            return Ok((taken, None));
        }
        self.begun = None;
        let data = std::mem::take(&mut self.data);
        Ok((taken, Some(Message { kind: header.kind, status, spid: header.spid, data })))
    }

    /// Whether a packet may follow what is there.
    fn accept(&mut self, header: Header) -> Result<Header, DecodeError> {
        match self.begun {
            Some((kind, _)) if kind == header.kind => {}
            Some(_) if header.kind == PacketType::Attention => {
                self.begun = None;
                self.data = Zeroizing::default();
            }
            Some(_) => return Err(DecodeError::PacketType(header.kind.byte())),
            None => {}
        }
        let len = self.data.len() + header.len;
        if len > self.max_len {
            return Err(DecodeError::Length(u64::try_from(len).unwrap_or(u64::MAX)));
        }
        Ok(header)
    }

    /// Appends to the data. Growing makes a new buffer and wipes the old one, which `Vec` would leave behind.
    fn append(&mut self, bytes: &[u8]) {
        let len = self.data.len() + bytes.len();
        if len > self.data.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(len.max(2 * self.data.len())));
            grown.extend_from_slice(&self.data);
            self.data = grown;
        }
        self.data.extend_from_slice(bytes);
    }
}

impl fmt::Debug for MessageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageReader({} bytes so far)", self.have + self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tds::frame::{MIN_PACKET_LEN, Packets};

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_messages(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1200), 1..4),
            step in 1usize..700,
        ) {
            let mut wire = Vec::new();
            let packets = Packets { packet_len: MIN_PACKET_LEN, spid: 51, ..Packets::of(PacketType::Batch) };
            for body in &bodies {
                packets.encode(body, &mut wire);
            }
            let (mut reader, mut rest, mut got) = (MessageReader::new(1200), wire.as_slice(), Vec::new());
            while !rest.is_empty() {
                let (taken, message) = reader.push(&rest[..step.min(rest.len())]).unwrap();
                prop_assert!(taken > 0);
                rest = &rest[taken..];
                if let Some(message) = message {
                    prop_assert_eq!((message.kind, message.status, message.spid), (PacketType::Batch, Status::END, 51));
                    got.push(message.data.to_vec());
                }
            }
            prop_assert!(reader.at_boundary());
            prop_assert_eq!(got, bodies);
        }

        #[test]
        fn reading_what_it_wants_never_goes_too_far(body in prop::collection::vec(any::<u8>(), 0..1200)) {
            let mut wire = Vec::new();
            Packets { packet_len: 0, ..Packets::of(PacketType::Login) }.encode(&body, &mut wire);
            wire.extend(b"next");
            let (mut reader, mut pos) = (MessageReader::new(1200), 0);
            let message = loop {
                let wants = reader.wants();
                let (taken, message) = reader.push(&wire[pos..pos + wants]).unwrap();
                prop_assert_eq!(taken, wants);
                pos += taken;
                if let Some(message) = message { break message; }
            };
            prop_assert_eq!(&*message.data, &body);
            prop_assert_eq!(&wire[pos..], b"next");
        }
    }

    #[test]
    fn cap_holds_before_the_data_comes_and_over_all_packets() {
        assert_eq!(MessageReader::new(10).push(b"\x01\x01\0\x13\0\0\0\0abc"), Err(DecodeError::Length(11)));
        let mut reader = MessageReader::new(10);
        assert_eq!(reader.push(b"\x01\0\0\x10\0\0\0\0abcdefgh"), Ok((16, None)));
        assert_eq!(reader.push(b"\x01\0\0\x0b\0\0\0\0"), Err(DecodeError::Length(11)));
        assert!(reader.wants() > 0);
        assert_eq!(MessageReader::new(10).push(b"\x01\x01\0\x07\0\0\0\0"), Err(DecodeError::Length(7)));
        // Endless empty packets cost nothing.
        let mut reader = MessageReader::new(10);
        for _ in 0..100 {
            assert_eq!(reader.push(b"\x01\0\0\x08\0\0\0\0"), Ok((8, None)));
        }
        assert!(reader.data.capacity() == 0 && !reader.at_boundary());
    }

    #[test]
    fn one_message_has_one_type_and_an_attention_ends_it() {
        let mut reader = MessageReader::new(100);
        reader.push(b"\x01\x08\0\x09\0\0\0\0a").unwrap();
        assert_eq!(reader.clone().push(b"\x03\x01\0\x08\0\0\0\0"), Err(DecodeError::PacketType(3)));
        let ended = reader.clone().push(b"\x01\x03\0\x09\0\0\0\0b").unwrap().1.unwrap();
        assert!(ended.status.contains(Status::IGNORE) && ended.status.contains(Status::RESET));
        assert_eq!(&**ended.data, b"ab");
        let attention = reader.push(b"\x06\x01\0\x08\0\0\0\0").unwrap().1.unwrap();
        assert_eq!((attention.kind, attention.data.len()), (PacketType::Attention, 0));
        assert!(reader.at_boundary());
        assert_eq!(reader.push(b"\x55\x01\0\x08\0\0\0\0"), Err(DecodeError::PacketType(0x55)));
    }

    #[test]
    fn claimed_lengths_are_not_allocated() {
        let mut reader = MessageReader::new(usize::MAX);
        reader.push(b"\x01\x01\xff\xff\0\0\0\0abc").unwrap();
        assert!(reader.data.capacity() < 100);
        assert!(!format!("{reader:?}").contains("abc"));
    }
}
