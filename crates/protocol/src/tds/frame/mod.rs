//! Packets on the wire (MS-TDS 2.2.3.1): a header of eight bytes, and data. A message takes one packet or several, the last of
//! which says that it is the last. Here is what finds their ends: [`MessageReader`] for the log-in, where whole messages are
//! needed and a cap holds; [`Framer`] for the relay, which keeps and copies nothing.

mod follow;
mod kind;
mod reader;
mod smp;

pub use follow::{Framer, Sender};
pub use kind::{PacketType, Status};
pub use reader::{Message, MessageReader};
pub use smp::{SMP_HEADER_LEN, SMP_ID};

/// How many bytes a header takes.
pub const HEADER_LEN: usize = 8;

/// How long a packet is before another length is agreed, with its header (MS-TDS 2.2.3.1.3).
pub const DEFAULT_PACKET_LEN: usize = 4096;

/// How long a packet can be at most, with its header: what a log-in may ask for (MS-TDS 2.2.6.4, `PacketSize`).
pub const MAX_PACKET_LEN: usize = 32_767;

/// The shortest length that a log-in may ask for (MS-TDS 2.2.6.4, `PacketSize`).
pub const MIN_PACKET_LEN: usize = 512;

/// The longest message that a peer may send before it is logged in, in bytes. A log-in has a few hundred; only tokens of
/// authentications that are refused anyway are longer.
pub const MAX_LOGIN_LEN: usize = 64 * 1024;

/// The header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub kind: PacketType,
    /// Whether it ends here, and what else is to be done with it.
    pub status: Status,
    /// How many bytes of data follow.
    pub len: usize,
    /// The number that the server has given the connection; 0 from clients.
    pub spid: u16,
    /// The packet's number in its message. Nobody checks it.
    pub number: u8,
}

impl Header {
    /// Decodes the first eight bytes of a packet.
    ///
    /// # Errors
    /// [`DecodeError::PacketType`](super::DecodeError::PacketType) for a type that the protocol does not define, and
    /// [`DecodeError::Length`](super::DecodeError::Length) for a length that does not even hold the header.
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, super::DecodeError> {
        let [kind, status, high, low, spid_high, spid_low, number, _window] = bytes;
        let kind = PacketType::from_byte(kind).ok_or(super::DecodeError::PacketType(kind))?;
        let length = u16::from_be_bytes([high, low]);
        let len = usize::from(length).checked_sub(HEADER_LEN).ok_or(super::DecodeError::Length(u64::from(length)))?;
        let spid = u16::from_be_bytes([spid_high, spid_low]);
        Ok(Self { kind, status: Status::from_bits(status), len, spid, number })
    }
}

/// How a message is cut into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packets {
    /// What the message is.
    pub kind: PacketType,
    /// What is to be done with it, beside its end.
    pub status: Status,
    /// The number of the connection; 0 from clients.
    pub spid: u16,
    /// How long a packet may be, with its header. Kept between [`MIN_PACKET_LEN`] and [`MAX_PACKET_LEN`].
    pub packet_len: usize,
}

impl Packets {
    /// A message of this kind without anything special, in packets of the first length.
    #[must_use]
    pub fn of(kind: PacketType) -> Self {
        Self { kind, status: Status::NORMAL, spid: 0, packet_len: DEFAULT_PACKET_LEN }
    }

    /// Appends a message in as many packets as it takes. What is special about it stands in the first (MS-TDS 2.2.3.1.2).
    pub fn encode(&self, data: &[u8], out: &mut Vec<u8>) {
        let most = self.packet_len.clamp(MIN_PACKET_LEN, MAX_PACKET_LEN) - HEADER_LEN;
        let (mut rest, mut number, mut status) = (data, 1u8, self.status);
        loop {
            let (part, tail) = rest.split_at(rest.len().min(most));
            let last = if tail.is_empty() { Status::END } else { Status::NORMAL };
            // At most MAX_PACKET_LEN: two bytes hold it.
            let [low, high, ..] = (part.len() + HEADER_LEN).to_le_bytes();
            let [spid_high, spid_low] = self.spid.to_be_bytes();
            out.extend([self.kind.byte(), (status | last).bits(), high, low, spid_high, spid_low, number, 0]);
            out.extend_from_slice(part);
            if tail.is_empty() {
                return;
            }
            (rest, number, status) = (tail, number.wrapping_add(1), Status::NORMAL);
        }
    }
}
