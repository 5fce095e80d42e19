//! How a connection begins: the server's greeting, the client's wish for TLS, and its log-in (MySQL source documentation,
//! page "Connection Phase Packets").

mod attributes;
mod first;
mod greeting;
mod login;
mod ssl_request;

pub use attributes::{Attributes, MAX_ATTRIBUTES};
pub use first::FirstPacket;
pub use greeting::Greeting;
pub use login::Login;
pub use ssl_request::SslRequest;

/// The longest user name, in bytes. MySQL has 32 characters, MariaDB 128, of at most four bytes each.
pub const MAX_USER_LEN: usize = 512;

/// The longest name of a database, in bytes: 64 characters of at most four.
pub const MAX_DATABASE_LEN: usize = 256;

/// The longest answer to a nonce in a log-in, in bytes. That of both plugins here is shorter; a client that begins with
/// another plugin may send a token.
pub const MAX_RESPONSE_LEN: usize = 4096;

/// The longest version of a server, in bytes.
pub const MAX_VERSION_LEN: usize = 256;
