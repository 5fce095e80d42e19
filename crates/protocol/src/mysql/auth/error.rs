//! How a peer can spoil a log-in. Never a wrong password, which is a step, and never a password.

use crate::mysql::DecodeError;

/// A violation. The exchange is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A packet does not have its form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The server wants a plugin that is not spoken here. The name is escaped.
    #[error("server asks for authentication plugin {0:?}, which is not supported")]
    Plugin(String),
    /// A password is asked for on a connection without TLS.
    #[error("password is asked for on a connection without TLS")]
    NoTls,
    /// The server asks for something a second time, or for what does not belong here.
    #[error("server does not keep to the order of the log-in")]
    Order,
}
