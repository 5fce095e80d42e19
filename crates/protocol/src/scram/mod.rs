//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, channel binding `tls-server-end-point` of RFC 5929), both
//! sides, in the shape that PostgreSQL gives them (manual, "SASL Authentication").
//!
//! * [`Server`] checks a client against a [`Verifier`], the form in which PostgreSQL stores a password.
//! * [`Client`] proves a password, or the keys derived from it, and checks that the server knows them too.
//!
//! Both are state machines without I/O: `exchange` takes the peer's message and returns a [`Step`]. A wrong password is
//! the value [`Step::Failure`]; [`ScramError`] says that the peer broke the protocol. Randomness is the argument
//! [`Nonce`]; nothing here reads a clock or a random number.
//!
//! ```
//! use std::num::NonZeroU32;
//! use mayfly_protocol::scram::{Client, ClientSecret, Mechanism, Nonce, Server, Step, Verifier};
//!
//! let once = NonZeroU32::MIN;
//! let verifier = Verifier::from_password(b"pencil", &[7; 16], once);
//! let server = Server::new(Mechanism::ScramSha256, verifier, Nonce::from_bytes(&[1; 18]), None)?;
//! let secret = ClientSecret::from_password(b"pencil");
//! let (client, first) = Client::start(&["SCRAM-SHA-256"], None, secret, Nonce::from_bytes(&[2; 18]), once)?;
//!
//! let Step::Continue { next: server, reply } = server.exchange(&first)? else { unreachable!() };
//! let Step::Continue { next: client, reply } = client.exchange(&reply)? else { unreachable!() };
//! let Step::Success { reply, .. } = server.exchange(&reply)? else { unreachable!() };
//! assert!(matches!(client.exchange(&reply)?, Step::Success { .. }));
//! # Ok::<(), mayfly_protocol::scram::ScramError>(())
//! ```

mod client;
mod error;
mod keys;
mod mechanism;
mod message;
mod nonce;
mod prepare;
mod server;
mod step;
mod verifier;
mod verifiers;

pub use client::{Client, ClientSecret};
pub use error::ScramError;
pub use keys::{ClientKey, ServerKey, StoredKey};
pub use mechanism::{Mechanism, offer};
pub use message::{MAX_MESSAGE_LEN, MAX_NONCE_LEN, MAX_SALT_LEN};
pub use nonce::Nonce;
pub use prepare::prepare_password;
pub use server::Server;
pub use step::{Failure, Step};
pub use verifier::{Verifier, VerifierError};
pub use verifiers::Verifiers;

#[cfg(test)]
mod tests;
