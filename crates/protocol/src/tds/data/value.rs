//! Values (MS-TDS 2.2.5.4), each behind the length that its type has.

use crate::tds::{
    DecodeError, EncodeError,
    read::{Reader, utf16},
};

use super::{DataType, MAX_VALUE_LEN};

/// A point in time as `datetime` has it (MS-TDS 2.2.5.5.1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Days since 1900-01-01.
    pub days: i32,
    /// Three hundredths of seconds since midnight.
    pub ticks: u32,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// An integer of any size.
    Int(i64),
    /// A bit.
    Bit(bool),
    /// A floating-point number of any size.
    Float(f64),
    /// A point in time.
    DateTime(DateTime),
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// The length of NULL: of values with two bytes of length, and of those in pieces.
const NULL_LENGTH: u16 = 0xffff;
const NULL_PIECES: u64 = u64::MAX;
/// The length of a value in pieces that is not known before its end.
const UNKNOWN_PIECES: u64 = u64::MAX - 1;

impl Value {
    /// Reads a value. `fixed` as [`DataType::read`] says.
    pub(in crate::tds) fn read(reader: &mut Reader<'_>, data_type: DataType, fixed: bool) -> Result<Self, DecodeError> {
        match data_type {
            DataType::Int(size) | DataType::Float(size) | DataType::DateTime(size) if fixed => {
                number(data_type, reader.bytes(usize::from(size))?)
            }
            DataType::Bit if fixed => number(data_type, reader.bytes(1)?),
            DataType::Int(_) | DataType::Float(_) | DataType::DateTime(_) | DataType::Bit => {
                let len = reader.u8()?;
                if len == 0 { Ok(Self::Null) } else { number(data_type, reader.bytes(usize::from(len))?) }
            }
            DataType::Text(most) => with(long(reader, most)?, |bytes| utf16(&bytes).map(Self::Text)),
            DataType::ByteText(most) => with(long(reader, most)?, |bytes| {
                // The lower half of every code page is ASCII; names of ours have nothing else.
                Ok(Self::Text(bytes.iter().map(|byte| char::from(*byte)).collect()))
            }),
            DataType::Binary(most) => with(long(reader, most)?, |bytes| Ok(Self::Binary(bytes))),
            DataType::LongText => {
                let length = reader.u32()?;
                if length == u32::MAX {
                    return Ok(Self::Null);
                }
                let len = usize::try_from(length).ok().filter(|len| *len <= MAX_VALUE_LEN);
                utf16(reader.bytes(len.ok_or(DecodeError::Length(u64::from(length)))?)?).map(Self::Text)
            }
        }
    }

    /// Appends a value in the form that can be NULL.
    pub(in crate::tds) fn write(&self, data_type: DataType, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match (data_type, self) {
            (DataType::Int(_) | DataType::Bit | DataType::Float(_) | DataType::DateTime(_), Self::Null) => out.push(0),
            (DataType::Int(size), Self::Int(number)) => {
                let shift = 64u32.saturating_sub(8 * u32::from(size));
                // A byte has no sign here, all others have one.
                let fits = if size == 1 {
                    (0..=255).contains(number)
                } else {
                    number.wrapping_shl(shift).wrapping_shr(shift) == *number
                };
                if !fits {
                    return Err(EncodeError::Type);
                }
                out.push(size);
                out.extend_from_slice(&number.to_le_bytes()[..usize::from(size)]);
            }
            (DataType::Bit, Self::Bit(bit)) => out.extend([1, u8::from(*bit)]),
            (DataType::Float(8), Self::Float(number)) => {
                out.push(8);
                out.extend(number.to_le_bytes());
            }
            (DataType::DateTime(8), Self::DateTime(time)) => {
                out.push(8);
                out.extend(time.days.to_le_bytes());
                out.extend(time.ticks.to_le_bytes());
            }
            (DataType::Text(most), Self::Text(text)) => {
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                write_long(out, most, Some(&bytes))?;
            }
            (DataType::ByteText(most), Self::Text(text)) if text.is_ascii() => {
                write_long(out, most, Some(text.as_bytes()))?;
            }
            (DataType::Binary(most), Self::Binary(bytes)) => write_long(out, most, Some(bytes))?,
            (DataType::Text(most) | DataType::ByteText(most) | DataType::Binary(most), Self::Null) => {
                write_long(out, most, None)?;
            }
            (DataType::LongText, Self::Null) => out.extend(u32::MAX.to_le_bytes()),
            (DataType::LongText, Self::Text(text)) => {
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                out.extend(u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLong)?.to_le_bytes());
                out.extend(bytes);
            }
            _ => return Err(EncodeError::Type),
        }
        Ok(())
    }
}

/// A number, a bit or a time of the length that the value says.
fn number(data_type: DataType, bytes: &[u8]) -> Result<Value, DecodeError> {
    let wrong = DecodeError::Length(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let four = || <[u8; 4]>::try_from(bytes).map_err(|_| wrong);
    let eight = || <[u8; 8]>::try_from(bytes).map_err(|_| wrong);
    match (data_type, bytes.len()) {
        (DataType::Int(_), 1) => Ok(Value::Int(i64::from(bytes[0]))),
        (DataType::Int(_), 2) => Ok(Value::Int(i64::from(i16::from_le_bytes([bytes[0], bytes[1]])))),
        (DataType::Int(_), 4) => Ok(Value::Int(i64::from(i32::from_le_bytes(four()?)))),
        (DataType::Int(_), _) => Ok(Value::Int(i64::from_le_bytes(eight()?))),
        (DataType::Bit, 1) => Ok(Value::Bit(bytes[0] != 0)),
        (DataType::Float(_), 4) => Ok(Value::Float(f64::from(f32::from_le_bytes(four()?)))),
        (DataType::Float(_), _) => Ok(Value::Float(f64::from_le_bytes(eight()?))),
        (DataType::DateTime(_), 4) => {
            let [a, b, c, d] = four()?;
            let (days, minutes) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            Ok(Value::DateTime(DateTime { days: i32::from(days), ticks: u32::from(minutes) * 60 * 300 }))
        }
        (DataType::DateTime(_), _) => {
            let [a, b, c, d, e, f, g, h] = eight()?;
            let (days, ticks) = (i32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            Ok(Value::DateTime(DateTime { days, ticks }))
        }
        _ => Err(wrong),
    }
}

/// NULL, or what `read` makes of the bytes.
fn with(
    bytes: Option<Vec<u8>>,
    read: impl FnOnce(Vec<u8>) -> Result<Value, DecodeError>,
) -> Result<Value, DecodeError> {
    bytes.map_or(Ok(Value::Null), read)
}

/// The bytes of a text or of bytes; `None` for NULL.
fn long(reader: &mut Reader<'_>, most: Option<u16>) -> Result<Option<Vec<u8>>, DecodeError> {
    if most.is_none() {
        return pieces(reader);
    }
    match reader.u16()? {
        NULL_LENGTH => Ok(None),
        length => reader.bytes(usize::from(length)).map(|bytes| Some(bytes.to_vec())),
    }
}

/// A value in pieces (MS-TDS 2.2.5.2.3): its length, if it is known, and pieces up to an empty one.
fn pieces(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, DecodeError> {
    let length = reader.u64()?;
    if length == NULL_PIECES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    loop {
        let piece = reader.long_bytes()?;
        if piece.is_empty() {
            break;
        }
        if bytes.len() + piece.len() > MAX_VALUE_LEN {
            return Err(DecodeError::Length(length));
        }
        bytes.extend_from_slice(piece);
    }
    if length != UNKNOWN_PIECES && u64::try_from(bytes.len()) != Ok(length) {
        return Err(DecodeError::Length(length));
    }
    Ok(Some(bytes))
}

/// Appends the bytes of a text or of bytes.
fn write_long(out: &mut Vec<u8>, most: Option<u16>, bytes: Option<&[u8]>) -> Result<(), EncodeError> {
    match (most, bytes) {
        (Some(_), None) => out.extend(NULL_LENGTH.to_le_bytes()),
        (Some(most), Some(bytes)) => {
            let length = u16::try_from(bytes.len()).ok().filter(|length| *length <= most && *length != NULL_LENGTH);
            out.extend(length.ok_or(EncodeError::TooLong)?.to_le_bytes());
            out.extend_from_slice(bytes);
        }
        (None, None) => out.extend(NULL_PIECES.to_le_bytes()),
        (None, Some(bytes)) => {
            let length = u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLong)?;
            out.extend(u64::from(length).to_le_bytes());
            if !bytes.is_empty() {
                out.extend(length.to_le_bytes());
                out.extend_from_slice(bytes);
            }
            out.extend([0; 4]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A type and a value that it can have.
    fn typed() -> impl Strategy<Value = (DataType, Value)> {
        prop_oneof![
            any::<u8>().prop_map(|n| (DataType::Int(1), Value::Int(i64::from(n)))),
            any::<i16>().prop_map(|n| (DataType::Int(2), Value::Int(i64::from(n)))),
            any::<i32>().prop_map(|n| (DataType::Int(4), Value::Int(i64::from(n)))),
            any::<i64>().prop_map(|n| (DataType::Int(8), Value::Int(n))),
            any::<bool>().prop_map(|b| (DataType::Bit, Value::Bit(b))),
            any::<i32>().prop_map(|n| (DataType::Float(8), Value::Float(f64::from(n)))),
            any::<(i32, u32)>()
                .prop_map(|(days, ticks)| (DataType::DateTime(8), Value::DateTime(DateTime { days, ticks }))),
            "\\PC{0,40}".prop_map(|text| (DataType::nvarchar(80), Value::Text(text))),
            "\\PC{0,40}".prop_map(|text| (DataType::Text(None), Value::Text(text))),
            "\\PC{0,40}".prop_map(|text| (DataType::LongText, Value::Text(text))),
            "[ -~]{0,40}".prop_map(|text| (DataType::ByteText(Some(40)), Value::Text(text))),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| (DataType::Binary(Some(40)), Value::Binary(b))),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| (DataType::Binary(None), Value::Binary(b))),
            prop::sample::select(vec![
                DataType::Int(4),
                DataType::Bit,
                DataType::Float(8),
                DataType::DateTime(8),
                DataType::nvarchar(4),
                DataType::Text(None),
                DataType::Binary(Some(1)),
                DataType::LongText,
            ])
            .prop_map(|data_type| (data_type, Value::Null)),
        ]
    }

    proptest! {
        #[test]
        fn types_and_values_come_back((data_type, value) in typed()) {
            let mut bytes = Vec::new();
            data_type.write(&mut bytes).unwrap();
            value.write(data_type, &mut bytes).unwrap();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(DataType::read(&mut reader), Ok((data_type, false)));
            prop_assert_eq!(Value::read(&mut reader, data_type, false), Ok(value));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (data_type, value, error) in [
            (DataType::Int(1), Value::Int(-1), EncodeError::Type),
            (DataType::Int(1), Value::Int(256), EncodeError::Type),
            (DataType::Int(4), Value::Int(1 << 31), EncodeError::Type),
            (DataType::Int(4), Value::Bit(true), EncodeError::Type),
            (DataType::nvarchar(3), Value::Text("four".to_owned()), EncodeError::TooLong),
            (DataType::ByteText(None), Value::Text("é".to_owned()), EncodeError::Type),
        ] {
            assert_eq!(value.write(data_type, &mut Vec::new()), Err(error), "{data_type:?}");
        }
        assert_eq!(DataType::Int(3).write(&mut Vec::new()), Err(EncodeError::Type));
    }

    #[test]
    fn what_clients_send_without_a_length_of_its_own_is_read() {
        for (wire, value) in [
            (&b"\x38\x07\0\0\0"[..], Value::Int(7)),
            (b"\x32\x01", Value::Bit(true)),
            (b"\x34\xff\xff", Value::Int(-1)),
            (b"\x3d\x01\0\0\0\x2c\x01\0\0", Value::DateTime(DateTime { days: 1, ticks: 300 })),
            (b"\x3a\x01\0\x02\0", Value::DateTime(DateTime { days: 1, ticks: 36_000 })),
            (b"\x3b\0\0\x80\x3f", Value::Float(1.0)),
        ] {
            let mut reader = Reader::new(wire);
            let (data_type, fixed) = DataType::read(&mut reader).unwrap();
            assert_eq!(Value::read(&mut reader, data_type, fixed), Ok(value), "{wire:?}");
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        let read = |wire: &[u8], data_type| Value::read(&mut Reader::new(wire), data_type, false);
        assert_eq!(read(b"\x03abc", DataType::Int(4)), Err(DecodeError::Length(3)));
        assert_eq!(read(b"\x09\0ab", DataType::nvarchar(4)), Err(DecodeError::Truncated));
        assert_eq!(read(b"\x03\0abc", DataType::nvarchar(4)), Err(DecodeError::Text));
        let pieces = b"\x02\0\0\0\0\0\0\0\x02\0\0\0ab\0\0\0\0";
        assert_eq!(read(pieces, DataType::Binary(None)), Ok(Value::Binary(b"ab".to_vec())));
        let unknown = [&b"\xfe\xff\xff\xff\xff\xff\xff\xff"[..], &pieces[8..]].concat();
        assert_eq!(read(&unknown, DataType::Binary(None)), Ok(Value::Binary(b"ab".to_vec())));
        let wrong = [&b"\x03\0\0\0\0\0\0\0"[..], &pieces[8..]].concat();
        assert_eq!(read(&wrong, DataType::Binary(None)), Err(DecodeError::Length(3)));
        assert_eq!(read(&pieces[..14], DataType::Binary(None)), Err(DecodeError::Truncated));
        assert_eq!(DataType::read(&mut Reader::new(b"\x6a\x11\x12\0")), Err(DecodeError::DataType(0x6a)));
        assert_eq!(DataType::read(&mut Reader::new(b"\x26\x03")), Err(DecodeError::Length(3)));
    }
}
