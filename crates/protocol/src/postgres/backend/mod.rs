//! What a server sends up to its first `ReadyForQuery`, and the errors and notices that it may send at any time: encoded
//! when we are the server, decoded when we are the client of a target.

mod authentication;
mod error_fields;
mod key_data;
mod message;
mod negotiate;
mod parameter_status;
mod ready;
mod sqlstate;

pub use authentication::{Authentication, AuthenticationMethod};
pub use error_fields::{ErrorField, ErrorFields, Severity};
pub use key_data::BackendKeyData;
pub use message::BackendMessage;
pub use negotiate::NegotiateProtocolVersion;
pub use parameter_status::ParameterStatus;
pub use ready::{ReadyForQuery, TransactionStatus};
pub use sqlstate::SqlState;

/// The type bytes of these messages.
pub mod tag {
    /// All `Authentication…` messages.
    pub const AUTHENTICATION: u8 = b'R';
    /// `BackendKeyData`.
    pub const BACKEND_KEY_DATA: u8 = b'K';
    /// `ErrorResponse`.
    pub const ERROR_RESPONSE: u8 = b'E';
    /// `NegotiateProtocolVersion`.
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    /// `NoticeResponse`.
    pub const NOTICE_RESPONSE: u8 = b'N';
    /// `ParameterStatus`.
    pub const PARAMETER_STATUS: u8 = b'S';
    /// `ReadyForQuery`.
    pub const READY_FOR_QUERY: u8 = b'Z';
}
