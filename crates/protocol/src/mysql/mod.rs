//! The client/server protocol of MySQL and MariaDB, version 10 with the capabilities that both have (MySQL source
//! documentation, chapter "Client/Server Protocol"; MariaDB documentation, chapter "Client/Server Protocol").
//!
//! A connection has three parts:
//!
//! 1. **The greeting** comes from the server, unasked: [`connect::Greeting`]. A client answers with an
//!    [`connect::SslRequest`], begins TLS, and logs in through it: [`connect::Login`].
//! 2. **The log-in** goes on as the authentication plugin wants: [`reply::AuthReply`] from the server, bare payloads from the
//!    client. [`auth::Client`] and [`auth::Server`] know what may follow what.
//! 3. **The relay**: bytes are copied. [`exchange::Exchange`] looks at the command that each message of the client begins
//!    with and follows the responses, [`frame::Framer`] says where messages of the server end. Both sides have to have agreed the same
//!    [`Capabilities::SESSION`].
//!
//! The packets, seen from the server (the client's side mirrors it):
//!
//! | number | from the client | to the client |
//! |---|---|---|
//! | 0 | | [`connect::Greeting`] |
//! | 1 | [`connect::SslRequest`], then TLS | |
//! | 2 | [`connect::Login`] | |
//! | 3, 4 | the new plugin's answer | [`reply::AuthSwitchRequest`], if the client has begun with another plugin |
//! | … | the password in clear, if it is asked for | [`reply::AuthMoreData`], for `caching_sha2_password` |
//! | last | | [`reply::OkPacket`] or [`reply::ErrPacket`] |
//!
//! A client of our own, which asks for something instead of relaying, reads what comes back with [`result::Results`].
//!
//! Before that end both sides read with [`frame::PacketReader`] and a cap. At any step an [`reply::ErrPacket`] refuses, and
//! the connection is closed behind it.
//!
//! ```
//! use mayfly_protocol::mysql::{Capabilities, Nonce, connect::Greeting, frame::Sequence};
//!
//! let greeting = Greeting {
//!     server_version: b"8.4.0",
//!     connection_id: 7,
//!     nonce: Nonce::from_random(&[7; 20]),
//!     capabilities: Capabilities::SPOKEN,
//!     collation: 255,
//!     status: 2,
//!     plugin: b"caching_sha2_password",
//! };
//! let mut wire = Vec::new();
//! greeting.encode(&mut Sequence::new(), &mut wire)?;
//! assert_eq!(Greeting::decode(&wire[4..])?, greeting);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod auth;
mod capabilities;
mod command;
pub mod connect;
mod error;
pub mod exchange;
pub mod frame;
mod read;
pub mod reply;
pub mod result;
mod write;

pub use auth::Nonce;
pub use capabilities::Capabilities;
pub use command::Command;
pub use error::{DecodeError, EncodeError};
