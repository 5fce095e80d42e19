//! A cursor over the body of one message. Every reader is checked; nothing here allocates.

use super::DecodeError;

/// What is left of a body.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the beginning of `body`.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next byte.
    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (first, tail) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(*first)
    }

    /// The next four bytes as a number.
    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<4>().ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(u32::from_be_bytes(*head))
    }

    /// The next zero-terminated string, without its terminator.
    pub(super) fn cstr(&mut self) -> Result<&'a [u8], DecodeError> {
        let end = self.rest.iter().position(|&b| b == 0).ok_or(DecodeError::Unterminated)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Ok(text)
    }

    /// The next zero-terminated string, which has to have at least one byte.
    pub(super) fn name(&mut self) -> Result<&'a [u8], DecodeError> {
        let name = self.cstr()?;
        if name.is_empty() { Err(DecodeError::Value) } else { Ok(name) }
    }

    /// The next zero-terminated string, which has to be UTF-8.
    pub(super) fn utf8(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.cstr()?).map_err(|_| DecodeError::NotUtf8)
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}
