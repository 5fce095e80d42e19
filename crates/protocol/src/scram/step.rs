//! What one message of the peer leads to.

/// The result of handing one message to an exchange.
pub enum Step<S> {
    /// Send `reply`, and hand the answer to `next`.
    Continue {
        /// The exchange in its next state.
        next: S,
        /// The message to send.
        reply: Vec<u8>,
    },
    /// The peer has proved itself. On the server, `reply` is the last message, which the client needs to be sure of the
    /// server; on the client it is empty, and nothing is left to send.
    Success {
        /// The message to send, if any.
        reply: Vec<u8>,
        /// On the server, which of the [`Verifiers`](super::Verifiers) was proved.
        which: usize,
    },
    /// The peer has not proved itself.
    Failure(Failure),
}

/// Why an exchange that kept to the protocol came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// To the server: the client does not know the password, or there is no such user. The two are not told apart.
    WrongPassword,
    /// To the client: the server does not know the password either. It is not the server that it should be.
    ServerNotVerified,
    /// To the client: the server refused and said so within SCRAM (`e=`).
    Refused,
}

impl<S> std::fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Continue { .. } => f.write_str("Continue"),
            Self::Success { .. } => f.write_str("Success"),
            Self::Failure(failure) => write!(f, "Failure({failure:?})"),
        }
    }
}
