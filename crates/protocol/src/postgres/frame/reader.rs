//! Whole messages, for the handshake.

use std::fmt;

use zeroize::Zeroizing;

use super::HEADER_LEN;
use crate::postgres::DecodeError;

/// The header of a typed message, checked against a cap: for callers that read exact lengths themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type byte.
    pub tag: u8,
    /// How many bytes of body follow.
    pub body_len: usize,
}

impl Header {
    /// Decodes the first five bytes of a message whose body may have at most `max_body` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if the length is below 4, or above the cap.
    pub fn decode(bytes: [u8; HEADER_LEN], max_body: usize) -> Result<Self, DecodeError> {
        let [tag, length @ ..] = bytes;
        let length = u32::from_be_bytes(length);
        let body_len = length.checked_sub(4).and_then(|body| usize::try_from(body).ok());
        match body_len {
            Some(body_len) if body_len <= max_body => Ok(Self { tag, body_len }),
            _ => Err(DecodeError::Length(length)),
        }
    }
}

/// One whole message. Its body is wiped when dropped, because a client's can be a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The type byte.
    pub tag: u8,
    /// What follows the header.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {} bytes)", char::from(self.tag), self.body.len())
    }
}

/// Gathers one message at a time out of slices of any size. It takes nothing beyond the end of the current message, so
/// that what follows the handshake stays with the caller, and its buffer grows with the bytes that are there, never
/// with the length that is claimed.
///
/// ```
/// use mayfly_protocol::postgres::frame::MessageReader;
///
/// let mut reader = MessageReader::new(64 * 1024);
/// let (taken, message) = reader.push(b"R\0\0\0\x08\0\0\0\0Z\0")?;
/// assert_eq!((taken, message.map(|m| m.tag)), (9, Some(b'R')));
/// # Ok::<(), mayfly_protocol::postgres::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct MessageReader {
    max_body: usize,
    header: [u8; HEADER_LEN],
    /// How many bytes of the header are there.
    have: usize,
    body: Zeroizing<Vec<u8>>,
}

impl MessageReader {
    /// A reader at the beginning of a message, for messages whose bodies have at most `max_body` bytes.
    #[must_use]
    pub fn new(max_body: usize) -> Self {
        Self { max_body, header: [0; HEADER_LEN], have: 0, body: Zeroizing::default() }
    }

    /// How many bytes may be read now without going beyond the end of the current message. Never 0.
    #[must_use]
    pub fn wants(&self) -> usize {
        match Header::decode(self.header, self.max_body) {
            Ok(header) if self.have == HEADER_LEN => header.body_len - self.body.len(),
            _ => HEADER_LEN - self.have.min(HEADER_LEN - 1),
        }
    }

    /// Whether nothing of a message is there yet, so that an end of the stream is an orderly one.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.have == 0
    }

    /// Takes bytes up to the end of the current message. Returns how many were taken, and the message if it is complete
    /// now; the rest of `input`, if any, belongs to what follows.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if the length is below 4 or the body above the cap, before any of the body is taken; the
    /// connection has to be ended.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Option<Message>), DecodeError> {
        let head = input.len().min(HEADER_LEN - self.have);
        self.header[self.have..self.have + head].copy_from_slice(&input[..head]);
        self.have += head;
        if self.have < HEADER_LEN {
            return Ok((head, None));
        }
        let header = Header::decode(self.header, self.max_body)?;
        let rest = &input[head..];
        let part = rest.len().min(header.body_len - self.body.len());
        self.append(&rest[..part]);
        if self.body.len() < header.body_len {
            return Ok((head + part, None));
        }
        self.have = 0;
        Ok((head + part, Some(Message { tag: header.tag, body: std::mem::take(&mut self.body) })))
    }

    /// Appends to the body. Growing makes a new buffer and wipes the old one, which `Vec` would leave behind.
    fn append(&mut self, bytes: &[u8]) {
        let len = self.body.len() + bytes.len();
        if len > self.body.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(len.max(2 * self.body.len())));
            grown.extend_from_slice(&self.body);
            self.body = grown;
        }
        self.body.extend_from_slice(bytes);
    }
}

impl fmt::Debug for MessageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageReader({} bytes so far)", self.have + self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_slicing_gives_the_same_messages(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..6),
            step in 1usize..40,
        ) {
            let mut wire = Vec::new();
            for body in &bodies {
                wire.push(b'p');
                wire.extend((u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
                wire.extend(body);
            }
            let (mut reader, mut got, mut rest) = (MessageReader::new(30), Vec::new(), wire.as_slice());
            while !rest.is_empty() {
                let (taken, message) = reader.push(&rest[..step.min(rest.len())]).unwrap();
                prop_assert!(taken > 0);
                rest = &rest[taken..];
                got.extend(message.map(|m| m.body.to_vec()));
            }
            prop_assert!(reader.at_boundary());
            prop_assert_eq!(got, bodies);
        }

        #[test]
        fn reading_what_it_wants_never_goes_too_far(body in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut wire = vec![b'p'];
            wire.extend((u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
            wire.extend(&body);
            wire.extend(b"next");
            let (mut reader, mut pos) = (MessageReader::new(30), 0);
            let message = loop {
                let wants = reader.wants();
                let (taken, message) = reader.push(&wire[pos..pos + wants]).unwrap();
                prop_assert_eq!(taken, wants);
                pos += taken;
                if let Some(message) = message { break message; }
            };
            prop_assert_eq!(&*message.body, &body);
            prop_assert_eq!(&wire[pos..], b"next");
        }
    }

    #[test]
    fn cap_holds_before_the_body_comes() {
        let mut reader = MessageReader::new(10);
        assert_eq!(reader.push(b"p\0\0\0\x0f"), Err(DecodeError::Length(15)));
        assert_eq!(MessageReader::new(11).push(b"p\0\0\0\x0f"), Ok((5, None)));
        assert_eq!(MessageReader::new(10).push(b"p\0\0\0\x03"), Err(DecodeError::Length(3)));
        assert_eq!(Header::decode(*b"p\xff\xff\xff\xff", usize::MAX / 2).map(|h| h.tag), Ok(b'p'));
    }

    #[test]
    fn claimed_lengths_are_not_allocated() {
        let mut reader = MessageReader::new(1 << 29);
        reader.push(b"p\x10\0\0\0abc").unwrap();
        assert!(reader.body.capacity() < 100);
        assert!(!format!("{reader:?}").contains("abc"));
    }
}
