//! The table of places in a log-in, and the fields that it points to.

use zeroize::Zeroizing;

use crate::tds::{
    DecodeError, EncodeError,
    read::{Reader, utf16},
    write,
};

use super::password;

/// Reads the fields of a message.
pub(super) struct Places<'a> {
    message: &'a [u8],
    table: Reader<'a>,
}

impl<'a> Places<'a> {
    /// The table begins where `table` stands.
    pub(super) fn new(message: &'a [u8], table: Reader<'a>) -> Self {
        Self { message, table }
    }

    /// Bytes of the table that are no place.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.table.array()
    }

    /// Where the next field is, and its length in its own measure.
    pub(super) fn place(&mut self) -> Result<(usize, usize), DecodeError> {
        Ok((usize::from(self.table.u16()?), usize::from(self.table.u16()?)))
    }

    /// The next field: a text of at most `max` units.
    pub(super) fn text(&mut self, max: usize) -> Result<String, DecodeError> {
        let (offset, units) = self.place()?;
        utf16(self.bytes(offset, units, max)?)
    }

    /// The next field: a password.
    pub(super) fn password(&mut self, max: usize) -> Result<Zeroizing<String>, DecodeError> {
        let (offset, units) = self.place()?;
        let mut bytes = Zeroizing::new(self.bytes(offset, units, max)?.to_vec());
        password::reveal(&mut bytes);
        utf16(&bytes).map(Zeroizing::new)
    }

    /// The units of a field.
    fn bytes(&self, offset: usize, units: usize, max: usize) -> Result<&'a [u8], DecodeError> {
        if units > max {
            return Err(DecodeError::Length(u64::try_from(units).unwrap_or(u64::MAX)));
        }
        self.at(offset, 2 * units)
    }

    /// The whole message.
    pub(super) fn all(&self) -> &'a [u8] {
        self.message
    }

    /// Bytes anywhere in the message. Where there are none, nobody cares for the place.
    pub(super) fn at(&self, offset: usize, len: usize) -> Result<&'a [u8], DecodeError> {
        if len == 0 {
            return Ok(&[]);
        }
        self.message.get(offset..offset + len).ok_or(DecodeError::Truncated)
    }
}

/// Writes the fields of a message behind each other, and the table that points to them.
pub(super) struct Layout {
    table: Vec<u8>,
    /// Wiped when dropped: it has the password.
    fields: Zeroizing<Vec<u8>>,
    /// Where the first field will be.
    start: usize,
}

impl Layout {
    /// `start` is where fields begin. All of them are shorter than `capacity` together, so that no copy of the password is
    /// left behind by a buffer that grows.
    pub(super) fn new(start: usize, capacity: usize) -> Self {
        Self { table: Vec::new(), fields: Zeroizing::new(Vec::with_capacity(capacity)), start }
    }

    /// Where the next field will be.
    pub(super) fn offset(&self) -> Result<u16, EncodeError> {
        u16::try_from(self.start + self.fields.len()).map_err(|_| EncodeError::TooLong)
    }

    /// Bytes of the table that are no place.
    pub(super) fn array(&mut self, bytes: &[u8]) {
        self.table.extend_from_slice(bytes);
    }

    /// The next field: a text of at most `max` units.
    pub(super) fn text(&mut self, text: &str, max: usize) -> Result<(), EncodeError> {
        let units = write::units(text);
        if units > max {
            return Err(EncodeError::TooLong);
        }
        self.place(units)?;
        write::utf16(&mut self.fields, text);
        Ok(())
    }

    /// The next field: a password.
    pub(super) fn password(&mut self, text: &str, max: usize) -> Result<(), EncodeError> {
        let from = self.fields.len();
        self.text(text, max)?;
        password::conceal(&mut self.fields[from..]);
        Ok(())
    }

    /// The next field: bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.place(bytes.len())?;
        self.fields.extend_from_slice(bytes);
        Ok(())
    }

    fn place(&mut self, len: usize) -> Result<(), EncodeError> {
        let offset = self.offset()?;
        self.table.extend(offset.to_le_bytes());
        self.table.extend(u16::try_from(len).map_err(|_| EncodeError::TooLong)?.to_le_bytes());
        Ok(())
    }

    /// The table and the fields.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.table, &self.fields)
    }

    /// Overwrites a field that was written before with its final bytes.
    pub(super) fn patch(&mut self, at: u16, bytes: &[u8]) {
        let from = usize::from(at) - self.start;
        self.fields[from..from + bytes.len()].copy_from_slice(bytes);
    }
}
