//! PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2 (PostgreSQL manual, chapters "Frontend/Backend Protocol"
//! and "Message Formats").
//!
//! A connection has three parts, each with its own module:
//!
//! 1. **The first packet** has no type byte: [`startup`]. Read its four length bytes, ask
//!    [`startup::first_packet_body_len`] how much to read, and hand exactly that to [`startup::FirstPacket::decode`].
//!    Reading no further matters: bytes that arrive in clear behind an `SSLRequest` must never be taken for bytes that
//!    came through TLS (CVE-2021-23214, CVE-2021-23222).
//! 2. **The handshake**: typed messages, read one at a time with a cap by [`frame::MessageReader`] (or
//!    [`frame::Header`] where the caller reads exact lengths itself) and decoded by [`backend`] and [`frontend`].
//! 3. **The relay**: bytes are copied; [`frame::Framer`] says where messages end, without looking into them.
//!
//! The handshake, seen from the server (the client's side mirrors it):
//!
//! | step | from the client | to the client |
//! |---|---|---|
//! | 1 | [`startup::FirstPacket::SslRequest`] | [`startup::EncryptionReply::Tls`], then TLS, then again a first packet |
//! | 2 | [`startup::FirstPacket::Startup`] | [`backend::NegotiateProtocolVersion`], if the version or an option is not spoken |
//! | 3 | | [`backend::Authentication::Sasl`] with [`scram::offer`](crate::scram::offer) |
//! | 4 | [`frontend::SaslInitialResponse`] | [`backend::Authentication::SaslContinue`] |
//! | 5 | [`frontend::SaslResponse`] | [`backend::Authentication::SaslFinal`], [`backend::Authentication::Ok`] |
//! | 6 | | [`backend::ParameterStatus`] of each setting, [`backend::BackendKeyData`], [`backend::ReadyForQuery`] |
//!
//! At any step [`backend::ErrorFields::encode_error`] with [`backend::Severity::Fatal`] refuses, and the connection is
//! closed behind it.
//!
//! ```
//! use mayfly_protocol::postgres::startup::{FirstPacket, first_packet_body_len};
//!
//! let wire = b"\0\0\0\x08\x04\xd2\x16\x2f";
//! let length = [wire[0], wire[1], wire[2], wire[3]];
//! let body = &wire[4..4 + first_packet_body_len(length)?];
//! assert!(matches!(FirstPacket::decode(body)?, FirstPacket::SslRequest));
//! # Ok::<(), mayfly_protocol::postgres::DecodeError>(())
//! ```

pub mod backend;
mod error;
pub mod frame;
pub mod frontend;
mod key;
mod read;
pub mod startup;
mod version;
mod write;

pub use error::{DecodeError, EncodeError};
pub use key::CancelKey;
pub use version::ProtocolVersion;
