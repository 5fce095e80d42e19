//! The boundary follower of the relay, for what the server sends.

use super::{HEADER_LEN, Header};

/// Follows the boundaries of messages through a stream that is handed over in slices of any size. It stores at most one
/// header and looks at nothing but headers, so that a relay can copy bytes as they come and still know where an error of
/// its own may stand, and which number that packet has to have. There is no length that breaks the protocol.
///
/// ```
/// use mayfly_protocol::mysql::frame::Framer;
///
/// let mut framer = Framer::new();
/// // A whole packet and the beginning of the next.
/// assert_eq!(framer.follow(b"\x01\0\0\x01\x02\x17\0"), Some(5));
/// assert!(!framer.at_boundary());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Framer {
    /// Bytes of the current payload that are still to come.
    left: usize,
    /// The part of a header that has come so far; only the first `have` bytes count.
    header: [u8; HEADER_LEN],
    /// INVARIANT: less than `HEADER_LEN`, and 0 while `left` is not.
    have: usize,
    /// Whether the last packet that began is followed by another of its message.
    continues: bool,
    next_sequence: u8,
}

impl Framer {
    /// A follower at the beginning of a message, as after the handshake.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the stream, as far as it was handed over, ends at the end of a message. Always true at the beginning.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.left == 0 && self.have == 0 && !self.continues
    }

    /// The number that a packet behind the last one has to have, for [`Sequence::at`](super::Sequence::at).
    #[must_use]
    pub fn next_sequence(&self) -> u8 {
        self.next_sequence
    }

    /// Follows the next slice of the stream. Returns the offset in `chunk` of the last boundary in it: `chunk[..offset]`
    /// ends a message, `chunk[offset..]` is empty or begins one. `Some(0)` means that the chunk begins at a boundary and
    /// ends no message; `None`, that all of it lies within one message.
    pub fn follow(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut last = self.at_boundary().then_some(0);
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.left > 0 {
                let part = self.left.min(rest.len());
                self.left -= part;
                rest = &rest[part..];
            } else {
                let part = rest.len().min(HEADER_LEN - self.have);
                self.header[self.have..self.have + part].copy_from_slice(&rest[..part]);
                self.have += part;
                rest = &rest[part..];
                if self.have < HEADER_LEN {
                    break;
                }
                self.have = 0;
                let header = Header::decode(self.header);
                self.left = header.len;
                self.continues = header.continues();
                self.next_sequence = header.sequence.wrapping_add(1);
            }
            if self.at_boundary() {
                last = Some(chunk.len() - rest.len());
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mysql::frame::{MAX_PACKET_LEN, Sequence, encode};

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_boundaries(
            payloads in prop::collection::vec(0usize..40, 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            keep in any::<prop::sample::Index>(),
        ) {
            let (mut bytes, mut ends, mut sequence) = (Vec::new(), vec![0], Sequence::new());
            for len in &payloads {
                // Payloads full of what looks like headers with huge lengths must not matter.
                encode(&vec![0xff; *len], &mut sequence, &mut bytes);
                ends.push(bytes.len());
            }
            let bytes = &bytes[..keep.index(bytes.len() + 1)];
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut framer = Framer::new();
            for range in cuts.windows(2) {
                let (from, to) = (range[0], range[1]);
                let last = framer.follow(&bytes[from..to]);
                let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
                prop_assert_eq!(last, expected, "{}..{}", from, to);
                prop_assert_eq!(framer.at_boundary(), ends.contains(&to));
            }
        }
    }

    #[test]
    fn a_full_packet_is_no_boundary_and_the_empty_one_behind_it_is() {
        let mut framer = Framer::new();
        assert_eq!(framer.follow(b"\xff\xff\xff\x07"), Some(0));
        let block = vec![0u8; 1 << 20];
        let mut left = MAX_PACKET_LEN;
        while left > block.len() {
            assert_eq!(framer.follow(&block), None);
            left -= block.len();
        }
        assert_eq!(framer.follow(&block[..left]), None);
        assert!(!framer.at_boundary());
        assert_eq!(framer.follow(b"\0\0\0\x08"), Some(4));
        assert_eq!(framer.next_sequence(), 9);
    }
}
