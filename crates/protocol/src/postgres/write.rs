//! Appends messages to a buffer: the length field is filled in afterwards, and a failed message leaves the buffer as it
//! was.

use super::{EncodeError, frame::MAX_LENGTH};

/// Appends one typed message whose body is what `body` appends.
pub(super) fn message(
    out: &mut Vec<u8>,
    tag: u8,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.push(tag);
    let done = untyped(out, MAX_LENGTH, body);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

/// Appends one message without a type byte, whose length field may be at most `max`.
pub(super) fn untyped(
    out: &mut Vec<u8>,
    max: u32,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let done = body(out).and_then(|()| {
        let length =
            u32::try_from(out.len() - start).ok().filter(|length| *length <= max).ok_or(EncodeError::TooLong)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    });
    if done.is_err() {
        out.truncate(start);
    }
    done
}

/// Appends a zero-terminated string.
pub(super) fn cstr(out: &mut Vec<u8>, text: &[u8]) -> Result<(), EncodeError> {
    if text.contains(&0) {
        return Err(EncodeError::Nul);
    }
    out.extend_from_slice(text);
    out.push(0);
    Ok(())
}

/// Appends a zero-terminated string that has to have at least one byte.
pub(super) fn name(out: &mut Vec<u8>, text: &[u8]) -> Result<(), EncodeError> {
    if text.is_empty() { Err(EncodeError::Empty) } else { cstr(out, text) }
}

/// Appends a number of four bytes.
pub(super) fn u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_be_bytes());
}
