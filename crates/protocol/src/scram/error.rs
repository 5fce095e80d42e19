//! How a peer can break the protocol. Never a wrong password, which is a [`Failure`](super::Failure), and never content.

/// A violation of SCRAM. The exchange is over; the text may be shown to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScramError {
    /// The message is longer than any real one.
    #[error("SCRAM message is too long")]
    TooLong,
    /// The message does not have the form of RFC 5802, section 7. The text names the part.
    #[error("malformed SCRAM message: {0}")]
    Malformed(&'static str),
    /// The peer asks for an extension that has to be understood (`m=`).
    #[error("mandatory SCRAM extension is not supported")]
    MandatoryExtension,
    /// The client wants to act as somebody else (`a=`).
    #[error("SCRAM authorization identity is not supported")]
    AuthorizationIdentity,
    /// The chosen mechanism was not offered, or none that was offered is known.
    #[error("SASL mechanism is not supported")]
    Mechanism,
    /// The client uses a channel binding that was not offered, or asks for one without the mechanism for it, or the
    /// other way round.
    #[error("channel binding does not fit the SASL mechanism")]
    ChannelBinding,
    /// The client says that we offer no channel binding, but we do: somebody in the middle took it out of the list.
    #[error("channel binding was negotiated away")]
    Downgrade,
    /// The channel binding data differ: the two ends are not on the same TLS connection.
    #[error("channel binding check failed")]
    ChannelBindingMismatch,
    /// The nonce is not the one of this exchange, or the server added nothing to it.
    #[error("SCRAM nonce does not belong to this exchange")]
    Nonce,
    /// The server asks for no iterations, or for more than the caller allows.
    #[error("SCRAM iteration count is not allowed")]
    Iterations,
}
