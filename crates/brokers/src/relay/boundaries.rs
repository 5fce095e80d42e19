//! Where messages end, as a protocol tells the relay.

/// Follows the boundaries of messages through a stream that comes in pieces of any size.
pub(crate) trait Boundaries {
    /// Follows the next piece. Returns the offset in `chunk` of the last boundary in it, if there is one.
    ///
    /// # Errors
    /// [`Violation`] if the stream is not one of messages; where messages end cannot be known from there on.
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation>;

    /// Whether the stream so far ends with the end of a message.
    fn at_boundary(&self) -> bool;
}

/// The stream is not one of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation;
