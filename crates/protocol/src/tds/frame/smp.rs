//! The header of the Session Multiplex Protocol (MC-SMP 2.2.1), in which packets are wrapped once both sides have agreed on
//! multiple active result sets (MARS).

use crate::tds::DecodeError;

use super::{HEADER_LEN, MAX_PACKET_LEN};

/// The first byte of a wrapped packet, which is the type of no other.
pub const SMP_ID: u8 = 0x53;

/// How many bytes the header takes.
pub const SMP_HEADER_LEN: usize = 16;

/// Flags of the header: a session is opened, acknowledged, closed, or carries data.
const FLAGS: [u8; 4] = [0x01, 0x02, 0x04, 0x08];

/// How many bytes follow a header. It is at most a packet.
pub(super) fn body_len(header: [u8; SMP_HEADER_LEN]) -> Result<usize, DecodeError> {
    let [id, flags, _, _, a, b, c, d, ..] = header;
    if id != SMP_ID || !FLAGS.contains(&flags) {
        return Err(DecodeError::Value);
    }
    let length = u32::from_le_bytes([a, b, c, d]);
    let len = usize::try_from(length).ok().and_then(|len| len.checked_sub(SMP_HEADER_LEN));
    // Only data has a body, which is a packet.
    let fits = |len: &usize| if flags == 0x08 { (HEADER_LEN..=MAX_PACKET_LEN).contains(len) } else { *len == 0 };
    len.filter(fits).ok_or(DecodeError::Length(u64::from(length)))
}
