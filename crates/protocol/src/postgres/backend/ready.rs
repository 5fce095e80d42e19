//! `ReadyForQuery`: the server waits for the next statement.

use crate::postgres::{DecodeError, read::Reader};

/// The state of the session's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Not in a transaction block.
    Idle,
    /// In a transaction block.
    InTransaction,
    /// In a transaction block that has failed and takes nothing but its end.
    Failed,
}

/// The server waits for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyForQuery {
    /// The state of the session's transaction.
    pub status: TransactionStatus,
}

impl ReadyForQuery {
    /// Decodes the body of a `Z` message.
    ///
    /// # Errors
    /// [`DecodeError::Value`] for a status that the protocol does not define; otherwise what is not one byte.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let status = match reader.u8()? {
            b'I' => TransactionStatus::Idle,
            b'T' => TransactionStatus::InTransaction,
            b'E' => TransactionStatus::Failed,
            _ => return Err(DecodeError::Value),
        };
        reader.end()?;
        Ok(Self { status })
    }

    /// Appends the message.
    pub fn encode(self, out: &mut Vec<u8>) {
        let status = match self.status {
            TransactionStatus::Idle => b'I',
            TransactionStatus::InTransaction => b'T',
            TransactionStatus::Failed => b'E',
        };
        out.extend_from_slice(&[super::tag::READY_FOR_QUERY, 0, 0, 0, 5, status]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_comes_back() {
        for status in [TransactionStatus::Idle, TransactionStatus::InTransaction, TransactionStatus::Failed] {
            let mut wire = Vec::new();
            ReadyForQuery { status }.encode(&mut wire);
            assert_eq!(ReadyForQuery::decode(&wire[5..]), Ok(ReadyForQuery { status }));
        }
        assert_eq!(ReadyForQuery::decode(b"X"), Err(DecodeError::Value));
        assert_eq!(ReadyForQuery::decode(b"II"), Err(DecodeError::Trailing));
        assert_eq!(ReadyForQuery::decode(b""), Err(DecodeError::Truncated));
    }
}
