//! Appends fields to a buffer. Numbers have their lowest byte first.

use super::EncodeError;

/// Appends a text as UTF-16.
pub(super) fn utf16(out: &mut Vec<u8>, text: &str) {
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

/// How many UTF-16 units a text has.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Appends a text with its length in one byte in front (`B_VARCHAR`).
pub(super) fn b_varchar(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    out.push(u8::try_from(units(text)).map_err(|_| EncodeError::TooLong)?);
    utf16(out, text);
    Ok(())
}

/// Appends a text with its length in two bytes in front (`US_VARCHAR`).
pub(super) fn us_varchar(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    out.extend(u16::try_from(units(text)).map_err(|_| EncodeError::TooLong)?.to_le_bytes());
    utf16(out, text);
    Ok(())
}

/// Appends bytes with their length in one byte in front (`B_VARBYTE`).
pub(super) fn b_varbyte(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), EncodeError> {
    out.push(u8::try_from(bytes.len()).map_err(|_| EncodeError::TooLong)?);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends bytes with their length in four bytes in front (`L_VARBYTE`).
pub(super) fn l_varbyte(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), EncodeError> {
    out.extend(u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLong)?.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends what `body` appends, with its length in two bytes in front. Leaves the buffer as it was if that fails.
pub(super) fn with_u16_length(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    whole(out, |out| {
        let start = out.len();
        out.extend_from_slice(&[0; 2]);
        body(out)?;
        let length = u16::try_from(out.len() - start - 2).map_err(|_| EncodeError::TooLong)?;
        out[start..start + 2].copy_from_slice(&length.to_le_bytes());
        Ok(())
    })
}

/// Appends what `body` appends, or nothing if that fails.
pub(super) fn whole(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let done = body(out);
    if done.is_err() {
        out.truncate(start);
    }
    done
}
