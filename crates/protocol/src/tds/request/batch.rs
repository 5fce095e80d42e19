//! `SQLBatch` (MS-TDS 2.2.6.7): statements as text.

use crate::tds::{
    DecodeError, TdsVersion,
    read::{Reader, utf16},
    write,
};

use super::headers;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The transaction in which the client believes to be; 0 for none.
    pub transaction: [u8; 8],
    /// The statements.
    pub sql: String,
}

impl Batch {
    /// Statements outside of a transaction of the client's.
    #[must_use]
    pub fn new(sql: &str) -> Self {
        Self { transaction: [0; 8], sql: sql.to_owned() }
    }

    /// Decodes the data of a message.
    ///
    /// # Errors
    /// [`DecodeError`] for headers that are none, or a text that is not UTF-16.
    pub fn decode(data: &[u8], version: TdsVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let transaction = headers::read(&mut reader, version)?;
        Ok(Self { transaction, sql: utf16(reader.rest())? })
    }

    /// Appends the data of a message.
    pub fn encode(&self, version: TdsVersion, out: &mut Vec<u8>) {
        headers::write(self.transaction, version, out);
        write::utf16(out, &self.sql);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn statements_come_back(transaction: [u8; 8], sql in "\\PC{0,100}") {
            for version in [TdsVersion::V7_1, TdsVersion::V7_4] {
                let transaction = if version.is_7_2() { transaction } else { [0; 8] };
                let batch = Batch { transaction, sql: sql.clone() };
                let mut data = Vec::new();
                batch.encode(version, &mut data);
                prop_assert_eq!(Batch::decode(&data, version), Ok(batch));
            }
        }
    }

    #[test]
    fn headers_are_not_believed() {
        let decode = |data: &[u8]| Batch::decode(data, TdsVersion::V7_4);
        assert_eq!(decode(b"\x04\0\0\0g\0o\0"), Ok(Batch::new("go")));
        assert_eq!(decode(b"\x03\0\0\0"), Err(DecodeError::Length(3)));
        assert_eq!(decode(b"\xff\xff\xff\xff"), Err(DecodeError::Truncated));
        assert_eq!(decode(b"\x08\0\0\0\x00\0\0\0"), Err(DecodeError::Length(0)));
        assert_eq!(decode(b"\x0a\0\0\0\x06\0\0\0\x02\0"), Err(DecodeError::Truncated));
        assert_eq!(decode(b"\x0a\0\0\0\x06\0\0\0\x03\0g\0"), Ok(Batch::new("g")));
        assert_eq!(decode(b"\x04\0\0\0g"), Err(DecodeError::Text));
    }
}
