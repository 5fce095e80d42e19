//! `TYPE_INFO` (MS-TDS 2.2.5.6).

use crate::tds::{DecodeError, EncodeError, data::Collation, read::Reader};

/// The length of a text or of bytes without a limit (`max`).
const UNLIMITED: u16 = 0xffff;

/// The bytes of types.
pub(super) mod byte {
    pub(in crate::tds::data) const INT_N: u8 = 0x26;
    pub(in crate::tds::data) const BIT_N: u8 = 0x68;
    pub(in crate::tds::data) const FLOAT_N: u8 = 0x6d;
    pub(in crate::tds::data) const DATETIME_N: u8 = 0x6f;
    pub(in crate::tds::data) const VARBINARY: u8 = 0xa5;
    pub(in crate::tds::data) const VARCHAR: u8 = 0xa7;
    pub(in crate::tds::data) const BINARY: u8 = 0xad;
    pub(in crate::tds::data) const CHAR: u8 = 0xaf;
    pub(in crate::tds::data) const NVARCHAR: u8 = 0xe7;
    pub(in crate::tds::data) const NCHAR: u8 = 0xef;
    pub(in crate::tds::data) const NTEXT: u8 = 0x63;
}

/// The type of a column or of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `tinyint`, `smallint`, `int` or `bigint`, by how many bytes it has.
    Int(u8),
    /// `bit`.
    Bit,
    /// `real` or `float`, by how many bytes it has.
    Float(u8),
    /// `smalldatetime` or `datetime`, by how many bytes it has.
    DateTime(u8),
    /// `nvarchar` or `nchar` of at most so many bytes; `None` for `max`.
    Text(Option<u16>),
    /// `varchar` or `char` of at most so many bytes; `None` for `max`.
    ByteText(Option<u16>),
    /// `varbinary` or `binary` of at most so many bytes; `None` for `max`.
    Binary(Option<u16>),
    /// `ntext`, which some clients still use for long statements.
    LongText,
}

impl DataType {
    /// `nvarchar` of so many characters.
    #[must_use]
    pub const fn nvarchar(chars: u16) -> Self {
        Self::Text(Some(2 * chars))
    }

    /// Reads a type. The flag says whether values have no length of their own, because they cannot be NULL.
    pub(in crate::tds) fn read(reader: &mut Reader<'_>) -> Result<(Self, bool), DecodeError> {
        let byte = reader.u8()?;
        let fixed = |data_type| Ok((data_type, true));
        let sized = |reader: &mut Reader<'_>, sizes: &[u8]| {
            let size = reader.u8()?;
            if sizes.contains(&size) { Ok(size) } else { Err(DecodeError::Length(u64::from(size))) }
        };
        let data_type = match byte {
            0x30 => return fixed(Self::Int(1)),
            0x32 => return fixed(Self::Bit),
            0x34 => return fixed(Self::Int(2)),
            0x38 => return fixed(Self::Int(4)),
            0x7f => return fixed(Self::Int(8)),
            0x3a => return fixed(Self::DateTime(4)),
            0x3d => return fixed(Self::DateTime(8)),
            0x3b => return fixed(Self::Float(4)),
            0x3e => return fixed(Self::Float(8)),
            byte::INT_N => Self::Int(sized(reader, &[1, 2, 4, 8])?),
            byte::BIT_N => sized(reader, &[1]).map(|_| Self::Bit)?,
            byte::FLOAT_N => Self::Float(sized(reader, &[4, 8])?),
            byte::DATETIME_N => Self::DateTime(sized(reader, &[4, 8])?),
            byte::NVARCHAR | byte::NCHAR => {
                let most = limit(reader)?;
                reader.array::<5>()?;
                Self::Text(most)
            }
            byte::VARCHAR | byte::CHAR => {
                let most = limit(reader)?;
                reader.array::<5>()?;
                Self::ByteText(most)
            }
            byte::VARBINARY | byte::BINARY => Self::Binary(limit(reader)?),
            byte::NTEXT => {
                reader.u32()?;
                reader.array::<5>()?;
                Self::LongText
            }
            other => return Err(DecodeError::DataType(other)),
        };
        Ok((data_type, false))
    }

    /// Appends the type in the form whose values can be NULL.
    pub(in crate::tds) fn write(self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let limited = |out: &mut Vec<u8>, byte: u8, most: Option<u16>| {
            out.push(byte);
            out.extend(most.unwrap_or(UNLIMITED).to_le_bytes());
        };
        match self {
            Self::Int(size @ (1 | 2 | 4 | 8)) => out.extend([byte::INT_N, size]),
            Self::Bit => out.extend([byte::BIT_N, 1]),
            Self::Float(size @ (4 | 8)) => out.extend([byte::FLOAT_N, size]),
            Self::DateTime(size @ (4 | 8)) => out.extend([byte::DATETIME_N, size]),
            Self::Int(_) | Self::Float(_) | Self::DateTime(_) => return Err(EncodeError::Type),
            Self::Text(most) => {
                limited(out, byte::NVARCHAR, most);
                out.extend(Collation::LATIN1.0);
            }
            Self::ByteText(most) => {
                limited(out, byte::VARCHAR, most);
                out.extend(Collation::LATIN1.0);
            }
            Self::Binary(most) => limited(out, byte::VARBINARY, most),
            Self::LongText => {
                out.push(byte::NTEXT);
                out.extend(0x7fff_ffffu32.to_le_bytes());
                out.extend(Collation::LATIN1.0);
            }
        }
        Ok(())
    }
}

/// The limit of a text or of bytes.
fn limit(reader: &mut Reader<'_>) -> Result<Option<u16>, DecodeError> {
    let most = reader.u16()?;
    Ok(Some(most).filter(|most| *most != UNLIMITED))
}
