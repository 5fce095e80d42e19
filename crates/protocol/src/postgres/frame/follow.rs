//! The boundary follower of the relay.

use super::{HEADER_LEN, MAX_LENGTH};
use crate::postgres::DecodeError;

/// Follows the boundaries of typed messages through a stream that is handed over in slices of any size. It stores at
/// most one header and looks at nothing but headers, so that a relay can copy bytes as they come and still know where
/// a message of its own may stand.
///
/// ```
/// use mayfly_protocol::postgres::frame::Framer;
///
/// let mut framer = Framer::new();
/// // A whole ReadyForQuery and the beginning of the next message: a notice may go between them.
/// assert_eq!(framer.follow(b"Z\0\0\0\x05ID\0\0")?, Some(6));
/// assert!(!framer.at_boundary());
/// # Ok::<(), mayfly_protocol::postgres::DecodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Framer {
    /// Bytes of the current body that are still to come.
    left: usize,
    /// The part of a header that has come so far; only the first `have` bytes count.
    header: [u8; HEADER_LEN],
    /// INVARIANT: less than `HEADER_LEN`, and 0 while `left` is not.
    have: usize,
    /// What was wrong with the stream, once something was.
    violation: Option<DecodeError>,
}

impl Framer {
    /// A follower at the beginning of a message, as after the handshake.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the stream, as far as it was handed over, ends at the end of a message. Always true at the beginning,
    /// never after a violation.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.left == 0 && self.have == 0 && self.violation.is_none()
    }

    /// Follows the next slice of the stream. Returns the offset in `chunk` of the last boundary in it: `chunk[..offset]`
    /// ends a message, `chunk[offset..]` is empty or begins one. `Some(0)` means that the chunk begins at a boundary and
    /// ends no message; `None`, that all of it lies within one message.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if a length is below 4 or above [`MAX_LENGTH`]. Where messages end cannot be known from
    /// there on: the error stays, and the connection has to be ended.
    pub fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, DecodeError> {
        if let Some(violation) = self.violation {
            return Err(violation);
        }
        let done = self.advance(chunk);
        self.violation = done.err();
        done
    }

    /// [`Framer::follow`] without the memory for violations.
    fn advance(&mut self, chunk: &[u8]) -> Result<Option<usize>, DecodeError> {
        // The message that an earlier chunk began. A chunk that does not end it is the most frequent case of bulk data.
        let mut pos = 0;
        if self.have > 0 {
            let part = chunk.len().min(HEADER_LEN - self.have);
            self.header[self.have..self.have + part].copy_from_slice(&chunk[..part]);
            self.have += part;
            if self.have < HEADER_LEN {
                return Ok(None);
            }
            self.have = 0;
            self.left = body_len(&self.header)?;
            pos = part;
        }
        if chunk.len() - pos < self.left {
            self.left -= chunk.len() - pos;
            return Ok(None);
        }
        pos += self.left;
        self.left = 0;
        self.whole_messages(chunk, pos).map(Some)
    }

    /// Skips whole messages from the boundary `pos` on, keeps what is known of the last, incomplete one, and returns
    /// the last boundary.
    fn whole_messages(&mut self, chunk: &[u8], mut pos: usize) -> Result<usize, DecodeError> {
        while let Some(header) = chunk[pos..].first_chunk::<HEADER_LEN>() {
            let body = body_len(header)?;
            let there = chunk.len() - pos - HEADER_LEN;
            if there < body {
                self.left = body - there;
                return Ok(pos);
            }
            pos += HEADER_LEN + body;
        }
        let part = &chunk[pos..];
        self.header[..part.len()].copy_from_slice(part);
        self.have = part.len();
        Ok(pos)
    }
}

/// The length of the body behind this header.
#[inline]
fn body_len(header: &[u8; HEADER_LEN]) -> Result<usize, DecodeError> {
    let [_, length @ ..] = *header;
    let length = u32::from_be_bytes(length);
    // One comparison refuses both what is below 4 and what is too long: the former wraps around.
    let body = length.wrapping_sub(4);
    if body > MAX_LENGTH - 4 {
        return Err(DecodeError::Length(length));
    }
    Ok(body as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The stream of messages with bodies of these lengths, and its boundaries, 0 included.
    fn stream(bodies: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for body in bodies {
            bytes.push(b'D');
            bytes.extend((u32::try_from(*body).unwrap() + 4).to_be_bytes());
            // Bodies full of what looks like headers with huge lengths must not matter.
            bytes.resize(bytes.len() + body, 0xff);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_boundaries(
            bodies in prop::collection::vec(0usize..40, 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            keep in any::<prop::sample::Index>(),
        ) {
            let (bytes, ends) = stream(&bodies);
            let bytes = &bytes[..keep.index(bytes.len() + 1)];
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut framer = Framer::new();
            for range in cuts.windows(2) {
                let (from, to) = (range[0], range[1]);
                let last = framer.follow(&bytes[from..to]).unwrap();
                let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
                prop_assert_eq!(last, expected, "{}..{}", from, to);
                prop_assert_eq!(framer.at_boundary(), ends.contains(&to));
            }
        }
    }

    #[test]
    fn lengths_outside_the_protocol_end_the_stream() {
        for length in [0u32, 3, MAX_LENGTH + 1, u32::MAX] {
            let header = [&b"Z\0\0\0\x05ID"[..], &length.to_be_bytes()].concat();
            for cut in 0..header.len() {
                let mut framer = Framer::new();
                let done = framer.follow(&header[..cut]).and_then(|_| framer.follow(&header[cut..]));
                assert_eq!(done, Err(DecodeError::Length(length)), "cut at {cut}");
                assert_eq!(framer.follow(b""), Err(DecodeError::Length(length)));
                assert!(!framer.at_boundary());
            }
        }
    }

    #[test]
    fn the_largest_message_passes_without_being_kept() {
        let mut framer = Framer::new();
        assert_eq!(framer.follow(&[&b"d"[..], &MAX_LENGTH.to_be_bytes()].concat()), Ok(Some(0)));
        let block = vec![0u8; 1 << 20];
        let mut left = super::super::MAX_BODY_LEN;
        while left > block.len() {
            assert_eq!(framer.follow(&block), Ok(None));
            left -= block.len();
        }
        assert_eq!(framer.follow(&block[..left - 1]), Ok(None));
        assert_eq!(framer.follow(&block[..1]), Ok(Some(1)));
        assert!(framer.at_boundary());
    }

    #[test]
    fn messages_without_body_are_boundaries() {
        let mut framer = Framer::new();
        assert_eq!(framer.follow(b""), Ok(Some(0)));
        assert_eq!(framer.follow(b"S\0\0\0\x04H\0\0\0\x04"), Ok(Some(10)));
        assert_eq!(framer.follow(b"S\0\0\0"), Ok(Some(0)));
        assert_eq!(framer.follow(b"\x04"), Ok(Some(1)));
        assert!(framer.at_boundary());
    }
}
