//! A cursor over a message. Numbers have their lowest byte first, but for those of packet headers and `PRELOGIN`. Every
//! reader is checked; what is allocated is never more than a small multiple of the bytes that are there.

use super::DecodeError;

/// What is left of a message.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte without taking it.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next byte.
    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// The next two bytes as a number.
    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next two bytes as a number with its highest byte first.
    pub(super) fn u16_be(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes as a number.
    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes as a number.
    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next four bytes as a length in bytes of what follows, and what follows.
    pub(super) fn long_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()?;
        let len = usize::try_from(length).map_err(|_| DecodeError::Length(u64::from(length)))?;
        self.bytes(len)
    }

    /// The next text of `chars` UTF-16 units.
    pub(super) fn text(&mut self, chars: usize) -> Result<String, DecodeError> {
        utf16(self.bytes(2 * chars)?)
    }

    /// The next text with its length in one byte in front (`B_VARCHAR`).
    pub(super) fn b_varchar(&mut self) -> Result<String, DecodeError> {
        let chars = self.u8()?;
        self.text(usize::from(chars))
    }

    /// The next text with its length in two bytes in front (`US_VARCHAR`).
    pub(super) fn us_varchar(&mut self) -> Result<String, DecodeError> {
        let chars = self.u16()?;
        self.text(usize::from(chars))
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// The text of UTF-16 units, lowest byte first.
pub(super) fn utf16(bytes: &[u8]) -> Result<String, DecodeError> {
    let (units, []) = bytes.as_chunks::<2>() else { return Err(DecodeError::Text) };
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| DecodeError::Text)
}
