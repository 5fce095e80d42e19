//! The Tabular Data Stream protocol of SQL Server, versions 7.1 to 7.4 and 8.0 (Microsoft's MS-TDS; the numbers in this
//! module's pages are its sections).
//!
//! A connection has three parts:
//!
//! 1. **Before the log-in**: both sides say what they can: [`Prelogin`]. Up to 7.4 TLS follows, whose handshake goes in packets
//!    of the same type ([`frame::PacketType::Prelogin`]) and whose records stand bare from there on; with 8.0, the strict form,
//!    TLS comes first and has its own name ([`ALPN`]), and all of this is within it.
//! 2. **The log-in**: [`login::Login`], with the password only masked, and the server's answer: [`token::LoginAck`] among other
//!    tokens, or an error and the end of the connection.
//! 3. **Requests and results**, one message each. A relay copies bytes and only follows where messages end: [`frame::Framer`].
//!
//! | message | from | packet |
//! |---|---|---|
//! | [`Prelogin`] | both | `Prelogin`, and `Result` from the server |
//! | TLS's handshake | both | `Prelogin` |
//! | [`login::Login`] | client | `Login` |
//! | [`token::Tokens`] | server | `Result` |
//! | [`request::Batch`], [`request::Rpc`] | client | `Batch`, `Rpc` |
//! | nothing: stop what you are doing | client | `Attention` |
//!
//! ```
//! use mayfly_protocol::tds::{TdsVersion, frame::{MAX_LOGIN_LEN, MessageReader, Packets, PacketType}, login::Login};
//!
//! let login = Login { database: "orders".to_owned(), ..Login::new(TdsVersion::V7_4, "alice", "secret") };
//! let (mut data, mut wire) = (Vec::new(), Vec::new());
//! login.encode(&mut data)?;
//! Packets::of(PacketType::Login).encode(&data, &mut wire);
//! let (_, message) = MessageReader::new(MAX_LOGIN_LEN).push(&wire)?;
//! assert_eq!(Login::decode(&message.unwrap().data)?, login);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod data;
mod error;
pub mod frame;
pub mod login;
mod prelogin;
mod read;
pub mod request;
pub mod token;
mod version;
mod write;

pub use error::{DecodeError, EncodeError};
pub use prelogin::{Encryption, MAX_INSTANCE_LEN, MAX_PRELOGIN_LEN, Prelogin};
pub use version::TdsVersion;

/// The protocol's name within TLS, which the strict form has to give (MS-TDS 2.1, 3.2.5.1).
pub const ALPN: &[u8] = b"tds/8.0";
