//! What a server sends between the greeting and the end of the log-in, and the `OK` and `ERR` packets that it sends at any
//! time (MySQL source documentation, pages "Generic Response Packets" and "Connection Phase Packets").

mod auth;
mod error_code;
mod error_packet;
mod ok;
mod row;
mod sqlstate;

pub use auth::{AuthMoreData, AuthReply, AuthSwitchRequest};
pub use error_code::ErrorCode;
pub use error_packet::{ErrPacket, MAX_MESSAGE_LEN};
pub use ok::OkPacket;
pub use row::first_value;
pub use sqlstate::SqlState;

/// The first bytes of the payloads.
pub mod tag {
    /// [`OkPacket`](super::OkPacket).
    pub const OK: u8 = 0x00;
    /// [`AuthMoreData`](super::AuthMoreData).
    pub const AUTH_MORE_DATA: u8 = 0x01;
    /// [`AuthSwitchRequest`](super::AuthSwitchRequest).
    pub const AUTH_SWITCH_REQUEST: u8 = 0xfe;
    /// [`ErrPacket`](super::ErrPacket).
    pub const ERR: u8 = 0xff;
}
