//! Typed messages on the wire: a type byte, four bytes of length (which count themselves), a body. Here is what finds
//! their ends: [`Framer`] for the relay, which keeps and copies nothing; [`MessageReader`] and [`Header`] for the
//! handshake, where whole bodies are needed and small caps hold.

mod follow;
mod reader;

pub use follow::Framer;
pub use reader::{Header, Message, MessageReader};

/// How many bytes a type byte and a length field take.
pub const HEADER_LEN: usize = 5;

/// The largest body of a message that is let through, in bytes: PostgreSQL's own limit on one allocation, just below
/// 1 GiB. A server cannot send more and refuses to receive more.
pub const MAX_BODY_LEN: usize = 0x3fff_ffff;

/// The largest value of a length field: [`MAX_BODY_LEN`] and the field's own four bytes.
pub const MAX_LENGTH: u32 = 0x3fff_ffff + 4;
