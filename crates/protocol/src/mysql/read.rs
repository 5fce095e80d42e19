//! A cursor over the payload of one packet. Numbers have their lowest byte first. Every reader is checked; nothing here
//! allocates.

use super::DecodeError;

/// What is left of a payload.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the beginning of `payload`.
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether this byte comes next.
    pub(super) fn next_is(&self, byte: u8) -> bool {
        self.rest.first() == Some(&byte)
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
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

    /// The next four bytes as a number.
    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next number in length-encoded form (`int<lenenc>`).
    pub(super) fn lenenc(&mut self) -> Result<u64, DecodeError> {
        match self.u8()? {
            byte @ ..=0xfa => Ok(u64::from(byte)),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.array().map(u64::from_le_bytes),
            // 0xfb stands for NULL in a row, and 0xff begins an error: neither is a number.
            _ => Err(DecodeError::Value),
        }
    }

    /// The next string with its length in front (`string<lenenc>`), of at most `max` bytes.
    pub(super) fn lenenc_bytes(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let length = self.lenenc()?;
        let len = usize::try_from(length).ok().filter(|len| *len <= max).ok_or(DecodeError::Length(length))?;
        self.bytes(len)
    }

    /// The next zero-terminated string (`string<NUL>`) of at most `max` bytes, without its terminator.
    pub(super) fn cstr(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.rest.iter().position(|&b| b == 0).ok_or(DecodeError::Unterminated)?;
        let text = self.bytes(capped(end, max)?)?;
        self.u8()?;
        Ok(text)
    }

    /// The last string of a packet, of at most `max` bytes, whose terminator some servers leave out (MySQL bug 59453).
    pub(super) fn last_cstr(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        if self.rest.contains(&0) {
            return self.cstr(max);
        }
        capped(self.rest.len(), max)?;
        Ok(self.rest())
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// A length, if it is not above the cap.
pub(super) fn capped(len: usize, max: usize) -> Result<usize, DecodeError> {
    if len <= max { Ok(len) } else { Err(DecodeError::Length(u64::try_from(len).unwrap_or(u64::MAX))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_manual() {
        for (wire, number) in [
            (&b"\xfa"[..], Ok(250)),
            (b"\xfc\xfb\0", Ok(251)),
            (b"\xfd\x01\x02\x03", Ok(0x03_0201)),
            (b"\xfe\x01\0\0\0\0\0\0\x80", Ok(0x8000_0000_0000_0001)),
            (b"\xfb", Err(DecodeError::Value)),
            (b"\xff", Err(DecodeError::Value)),
            (b"\xfc\x01", Err(DecodeError::Truncated)),
            (b"", Err(DecodeError::Truncated)),
        ] {
            assert_eq!(Reader::new(wire).lenenc(), number, "{wire:?}");
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        assert_eq!(Reader::new(b"\x03ab").lenenc_bytes(3), Err(DecodeError::Truncated));
        assert_eq!(Reader::new(b"\x03abc").lenenc_bytes(2), Err(DecodeError::Length(3)));
        assert_eq!(
            Reader::new(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffabc").lenenc_bytes(9),
            Err(DecodeError::Length(u64::MAX))
        );
        assert_eq!(Reader::new(b"abc\0").cstr(2), Err(DecodeError::Length(3)));
        assert_eq!(Reader::new(b"abc").cstr(9), Err(DecodeError::Unterminated));
        assert_eq!(Reader::new(b"abc").last_cstr(3), Ok(&b"abc"[..]));
        assert_eq!(Reader::new(b"abc").last_cstr(2), Err(DecodeError::Length(3)));
    }
}
