//! `ALL_HEADERS` (MS-TDS 2.2.5.3), which stand in front of a request from version 7.2 on.

use crate::tds::{DecodeError, TdsVersion, read::Reader};

/// The type of the header that names the transaction.
const TRANSACTION: u16 = 2;

/// Reads over the headers. Returns the number of the transaction in which the client believes to be; 0 for none.
pub(super) fn read(reader: &mut Reader<'_>, version: TdsVersion) -> Result<[u8; 8], DecodeError> {
    let mut transaction = [0; 8];
    if !version.is_7_2() {
        return Ok(transaction);
    }
    let mut rest = sized(reader)?;
    while !rest.is_empty() {
        let mut header = sized(&mut rest)?;
        if header.u16()? == TRANSACTION {
            transaction = header.array()?;
            // How many requests are under way.
            header.u32()?;
            header.end()?;
        }
    }
    Ok(transaction)
}

/// What stands behind a length that counts itself.
fn sized<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>, DecodeError> {
    let length = reader.u32()?;
    let len = usize::try_from(length).ok().and_then(|len| len.checked_sub(4));
    reader.bytes(len.ok_or(DecodeError::Length(u64::from(length)))?).map(Reader::new)
}

/// Appends headers that name a transaction.
pub(super) fn write(transaction: [u8; 8], version: TdsVersion, out: &mut Vec<u8>) {
    if version.is_7_2() {
        out.extend(22u32.to_le_bytes());
        out.extend(18u32.to_le_bytes());
        out.extend(TRANSACTION.to_le_bytes());
        out.extend(transaction);
        out.extend(1u32.to_le_bytes());
    }
}
