//! `ERR_Packet`.

use crate::mysql::{
    DecodeError,
    frame::{self, Sequence},
    read::Reader,
};

use super::{ErrorCode, SqlState, tag};

/// The longest text of an error, in bytes: the server's own `MYSQL_ERRMSG_SIZE`. Longer ones are cut.
pub const MAX_MESSAGE_LEN: usize = 512;

/// An error. Before log-in it is always the last packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrPacket {
    /// The error's number.
    pub number: u16,
    /// The SQLSTATE. A server that refuses a connection at once sends none, because it does not know the client yet.
    pub state: Option<SqlState>,
    message: String,
}

impl ErrPacket {
    /// An error of ours. The text is cut at [`MAX_MESSAGE_LEN`].
    #[must_use]
    pub fn new(code: ErrorCode, message: &str) -> Self {
        Self { number: code.number, state: Some(code.state), message: cut(message.to_owned()) }
    }

    /// The text. Where it comes from a server that is not known to be the right one, it is a stranger's.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Decodes the payload. Text that is not UTF-8 is replaced in part, text that is too long is cut.
    ///
    /// # Errors
    /// What does not have the layout of the manual.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            tag::ERR => Self::read(reader),
            other => Err(DecodeError::UnexpectedType(other)),
        }
    }

    /// Reads what follows the first byte.
    pub(in crate::mysql) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u16()?;
        let mut text = reader.rest();
        let mut state = None;
        if let Some((b'#', rest)) = text.split_first() {
            let (code, rest) = rest.split_at_checked(5).ok_or(DecodeError::Truncated)?;
            state = Some(SqlState::parse(code)?);
            text = rest;
        }
        let text = &text[..text.len().min(MAX_MESSAGE_LEN)];
        Ok(Self { number, state, message: cut(String::from_utf8_lossy(text).into_owned()) })
    }

    /// Appends the packet. Nothing can fail: the text was cut when it was set.
    pub fn encode(&self, sequence: &mut Sequence, out: &mut Vec<u8>) {
        let mut payload = vec![tag::ERR];
        payload.extend_from_slice(&self.number.to_le_bytes());
        if let Some(state) = self.state {
            payload.push(b'#');
            payload.extend_from_slice(state.as_bytes());
        }
        payload.extend_from_slice(self.message.as_bytes());
        frame::encode(&payload, sequence, out);
    }
}

/// The text, cut.
fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE_LEN {
        let end = (0..=MAX_MESSAGE_LEN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        // The example on the page "ERR_Packet" of the MySQL source documentation.
        let wire = b"\x17\0\0\x01\xff\x48\x04#HY000No tables used";
        let error = ErrPacket::decode(&wire[4..]).unwrap();
        assert_eq!((error.number, error.state, error.message()), (1096, Some(SqlState::GENERAL), "No tables used"));
        let mut again = Vec::new();
        error.encode(&mut Sequence::at(1), &mut again);
        assert_eq!(again, wire);
    }

    #[test]
    fn a_state_may_be_missing_and_text_is_cut() {
        let error = ErrPacket::decode(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!((error.number, error.state, error.message()), (1040, None, "Too many connections"));
        let long = ErrPacket::new(ErrorCode::UNKNOWN, &format!("x{}", "é".repeat(MAX_MESSAGE_LEN)));
        assert_eq!(long.message().len(), MAX_MESSAGE_LEN - 1);
        let spoiled = [&b"\xff\x01\0#HY000"[..], &[0xff; 5000]].concat();
        assert!(ErrPacket::decode(&spoiled).unwrap().message().len() <= MAX_MESSAGE_LEN);
        for (payload, error) in [
            (&b"\xff\x01"[..], DecodeError::Truncated),
            (b"\xff\x01\0#HY00", DecodeError::Truncated),
            (b"\xff\x01\0#hy000x", DecodeError::Value),
            (b"\0\x01\0", DecodeError::UnexpectedType(0)),
        ] {
            assert_eq!(ErrPacket::decode(payload), Err(error), "{payload:?}");
        }
    }
}
