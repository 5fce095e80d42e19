//! What a client sends after its first packet, as far as a broker reads or writes it itself.

mod query;
mod sasl;

pub use query::{Query, encode_terminate};
pub use sasl::{SaslInitialResponse, SaslResponse, is_plain_password};

/// The type bytes of these messages.
pub mod tag {
    /// `PasswordMessage`, `SASLInitialResponse`, `SASLResponse` and `GSSResponse`, which only the context tells apart.
    pub const PASSWORD: u8 = b'p';
    /// `Query`.
    pub const QUERY: u8 = b'Q';
    /// `Terminate`.
    pub const TERMINATE: u8 = b'X';
}
