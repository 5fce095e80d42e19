//! `COLMETADATA` (MS-TDS 2.2.7.4): the columns of a result.

use crate::tds::{DecodeError, EncodeError, TdsVersion, data::DataType, read::Reader, write};

use super::kind;

/// How many columns a result may have: as many as a `SELECT` of SQL Server.
pub const MAX_COLUMNS: usize = 4096;

/// The number that stands for a result without columns.
const NO_COLUMNS: u16 = 0xffff;

/// Flags: the column may be NULL, and it cannot be updated through the result.
const FLAGS: u16 = 0x0001;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name; empty where an expression has none.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether its values have no length of their own, because they cannot be NULL. Never so for what is written.
    pub(super) fixed: bool,
}

impl Column {
    /// A column whose values can be NULL.
    #[must_use]
    pub fn new(name: &str, data_type: DataType) -> Self {
        Self { name: name.to_owned(), data_type, fixed: false }
    }

    /// Appends the token with columns.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for too many columns or too long a name; [`EncodeError::Type`] for a type that there is not.
    pub fn encode(columns: &[Self], version: TdsVersion, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::whole(out, |out| {
            out.push(kind::COLUMNS);
            if columns.len() > MAX_COLUMNS {
                return Err(EncodeError::TooLong);
            }
            out.extend(u16::try_from(columns.len()).map_err(|_| EncodeError::TooLong)?.to_le_bytes());
            columns.iter().try_for_each(|column| {
                // The user-defined type, which is none.
                out.extend_from_slice(if version.is_7_2() { &[0; 4] } else { &[0; 2] });
                out.extend(FLAGS.to_le_bytes());
                column.data_type.write(out)?;
                if column.data_type == DataType::LongText {
                    // It has the name of its table here, and a pointer in each row.
                    return Err(EncodeError::Type);
                }
                write::b_varchar(out, &column.name)
            })
        })
    }

    /// Reads what stands behind the token's kind.
    pub(super) fn read(reader: &mut Reader<'_>, version: TdsVersion) -> Result<Vec<Self>, DecodeError> {
        let count = reader.u16()?;
        let mut columns = Vec::new();
        if count == NO_COLUMNS {
            return Ok(columns);
        }
        if usize::from(count) > MAX_COLUMNS {
            return Err(DecodeError::TooMany);
        }
        for _ in 0..count {
            reader.bytes(if version.is_7_2() { 6 } else { 4 })?;
            let (data_type, fixed) = DataType::read(reader)?;
            if data_type == DataType::LongText {
                return Err(DecodeError::DataType(0x63));
            }
            columns.push(Self { name: reader.b_varchar()?, data_type, fixed });
        }
        Ok(columns)
    }
}
