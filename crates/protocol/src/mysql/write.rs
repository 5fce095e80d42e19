//! Appends packets to a buffer: the length is filled in afterwards, and a failed packet leaves the buffer and the count
//! of packets as they were.

use super::{
    EncodeError,
    frame::{HEADER_LEN, MAX_PACKET_LEN, Sequence},
};

/// Appends one packet whose payload is what `payload` appends. A payload that would need a second packet is refused:
/// nothing in a handshake is that long.
pub(super) fn packet(
    out: &mut Vec<u8>,
    sequence: &mut Sequence,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let done = payload(out).and_then(|()| {
        let len = out.len() - start - HEADER_LEN;
        let length = u32::try_from(len).ok().filter(|_| len < MAX_PACKET_LEN).ok_or(EncodeError::TooLong)?;
        let [a, b, c, _] = length.to_le_bytes();
        out[start..start + HEADER_LEN].copy_from_slice(&[a, b, c, sequence.advance()]);
        Ok(())
    });
    if done.is_err() {
        out.truncate(start);
    }
    done
}

/// Appends a zero-terminated string (`string<NUL>`) of at most `max` bytes.
pub(super) fn cstr(out: &mut Vec<u8>, text: &[u8], max: usize) -> Result<(), EncodeError> {
    if text.contains(&0) {
        return Err(EncodeError::Nul);
    }
    if text.len() > max {
        return Err(EncodeError::TooLong);
    }
    out.extend_from_slice(text);
    out.push(0);
    Ok(())
}

/// Appends a number in length-encoded form (`int<lenenc>`), as short as it can be.
pub(super) fn lenenc(out: &mut Vec<u8>, number: u64) {
    let bytes = number.to_le_bytes();
    match number {
        0..=0xfa => out.push(bytes[0]),
        0xfb..=0xffff => out.extend_from_slice(&[0xfc, bytes[0], bytes[1]]),
        0x1_0000..=0xff_ffff => out.extend_from_slice(&[0xfd, bytes[0], bytes[1], bytes[2]]),
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Appends a string with its length in front (`string<lenenc>`), of at most `max` bytes.
pub(super) fn lenenc_bytes(out: &mut Vec<u8>, text: &[u8], max: usize) -> Result<(), EncodeError> {
    if text.len() > max {
        return Err(EncodeError::TooLong);
    }
    lenenc(out, u64::try_from(text.len()).map_err(|_| EncodeError::TooLong)?);
    out.extend_from_slice(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mysql::read::Reader;

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, shift in 0u32..64) {
            for number in [number >> shift, 0xfa, 0xfb, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000] {
                let mut out = Vec::new();
                lenenc(&mut out, number);
                let mut reader = Reader::new(&out);
                prop_assert_eq!(reader.lenenc(), Ok(number));
                prop_assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn a_failed_packet_leaves_no_trace() {
        let (mut out, mut sequence) = (vec![7], Sequence::new());
        let long = |out: &mut Vec<u8>| {
            out.resize(out.len() + MAX_PACKET_LEN, 0);
            Ok(())
        };
        assert_eq!(packet(&mut out, &mut sequence, long), Err(EncodeError::TooLong));
        assert_eq!(packet(&mut out, &mut sequence, |out| cstr(out, b"a\0b", 9)), Err(EncodeError::Nul));
        assert_eq!(packet(&mut out, &mut sequence, |out| cstr(out, b"abc", 2)), Err(EncodeError::TooLong));
        assert_eq!(packet(&mut out, &mut sequence, |out| cstr(out, b"abc", 3)), Ok(()));
        assert_eq!(out, b"\x07\x04\0\0\0abc\0");
    }
}
