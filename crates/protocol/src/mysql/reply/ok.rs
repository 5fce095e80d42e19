//! `OK_Packet`.

use crate::mysql::{
    Capabilities, DecodeError, EncodeError,
    frame::{MAX_LOGIN_LEN, Sequence},
    read::Reader,
    write,
};

use super::tag;

/// Success. A relay that has agreed the same capabilities on both sides can also pass a server's on as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OkPacket<'a> {
    /// How many rows were changed.
    pub affected_rows: u64,
    /// The last number that was given to a row.
    pub last_insert_id: u64,
    /// Status flags: [`OkPacket::AUTOCOMMIT`] and others.
    pub status: u16,
    /// How many warnings there are.
    pub warnings: u16,
    /// Text for people.
    pub info: &'a [u8],
    /// What has changed of the session's state, not decoded further. Only with [`Capabilities::SESSION_TRACK`].
    pub session_state: &'a [u8],
}

impl<'a> OkPacket<'a> {
    /// `SERVER_STATUS_AUTOCOMMIT`: each statement is its own transaction, as after log-in.
    pub const AUTOCOMMIT: u16 = 0x0002;
    /// `SERVER_MORE_RESULTS_EXISTS`: another result follows this one.
    pub const MORE_RESULTS: u16 = 0x0008;
    /// `SERVER_SESSION_STATE_CHANGED`: the packet has a [`session_state`](Self::session_state).
    pub const SESSION_STATE_CHANGED: u16 = 0x4000;

    /// Decodes the payload of the packet that ends a log-in, on a connection with these capabilities.
    ///
    /// # Errors
    /// What does not have the layout of the manual; also the form of the packet that stands for `EOF`.
    pub fn decode(payload: &'a [u8], agreed: Capabilities) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            tag::OK => Self::read(reader, agreed),
            other => Err(DecodeError::UnexpectedType(other)),
        }
    }

    /// Reads what follows the first byte.
    pub(in crate::mysql) fn read(mut reader: Reader<'a>, agreed: Capabilities) -> Result<Self, DecodeError> {
        let affected_rows = reader.lenenc()?;
        let last_insert_id = reader.lenenc()?;
        let status = reader.u16()?;
        let warnings = reader.u16()?;
        let mut ok = Self { affected_rows, last_insert_id, status, warnings, ..Self::default() };
        if !agreed.contains(Capabilities::SESSION_TRACK) {
            ok.info = reader.rest();
        } else if !reader.is_empty() {
            // The text is left out where it is empty and nothing follows it.
            ok.info = reader.lenenc_bytes(MAX_LOGIN_LEN)?;
            if status & Self::SESSION_STATE_CHANGED != 0 {
                ok.session_state = reader.lenenc_bytes(MAX_LOGIN_LEN)?;
            }
        }
        reader.end()?;
        Ok(ok)
    }

    /// Appends the packet for a connection with these capabilities.
    ///
    /// # Errors
    /// [`EncodeError::Capabilities`] if there is a session state where the status or the capabilities do not allow one,
    /// [`EncodeError::TooLong`] for a text of more than 16 KiB.
    pub fn encode(&self, agreed: Capabilities, sequence: &mut Sequence, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let tracked = agreed.contains(Capabilities::SESSION_TRACK);
        let changed = tracked && self.status & Self::SESSION_STATE_CHANGED != 0;
        if !changed && !self.session_state.is_empty() {
            return Err(EncodeError::Capabilities);
        }
        write::packet(out, sequence, |out| {
            out.push(tag::OK);
            write::lenenc(out, self.affected_rows);
            write::lenenc(out, self.last_insert_id);
            out.extend_from_slice(&self.status.to_le_bytes());
            out.extend_from_slice(&self.warnings.to_le_bytes());
            if !tracked {
                out.extend_from_slice(self.info);
            } else if changed || !self.info.is_empty() {
                write::lenenc_bytes(out, self.info, MAX_LOGIN_LEN)?;
            }
            if changed {
                write::lenenc_bytes(out, self.session_state, MAX_LOGIN_LEN)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_ok_comes_back(
            numbers: (u64, u64, u16, u16),
            info in prop::collection::vec(any::<u8>(), 0..300),
            state in prop::collection::vec(any::<u8>(), 0..300),
            tracked: bool,
        ) {
            let (affected_rows, last_insert_id, status, warnings) = numbers;
            let agreed = if tracked { Capabilities::SESSION_TRACK } else { Capabilities::default() };
            let has_state = tracked && status & OkPacket::SESSION_STATE_CHANGED != 0;
            let session_state = if has_state { &state[..] } else { &[] };
            let ok = OkPacket { affected_rows, last_insert_id, status, warnings, info: &info, session_state };
            let mut wire = Vec::new();
            ok.encode(agreed, &mut Sequence::new(), &mut wire).unwrap();
            prop_assert_eq!(OkPacket::decode(&wire[4..], agreed), Ok(ok));
        }
    }

    #[test]
    fn layout_is_that_of_the_manual() {
        // The example on the page "OK_Packet" of the MySQL source documentation.
        let wire = b"\x07\0\0\x02\0\0\0\x02\0\0\0";
        let ok = OkPacket { status: OkPacket::AUTOCOMMIT, ..OkPacket::default() };
        for agreed in [Capabilities::default(), Capabilities::SPOKEN] {
            assert_eq!(OkPacket::decode(&wire[4..], agreed), Ok(ok.clone()));
            let mut again = Vec::new();
            ok.encode(agreed, &mut Sequence::at(2), &mut again).unwrap();
            assert_eq!(again, wire);
        }
    }

    #[test]
    fn layout_faults_are_told_apart() {
        let agreed = Capabilities::SESSION_TRACK;
        for (payload, error) in [
            (&b"\0\0\0\x02\0\0"[..], DecodeError::Truncated),
            (b"\0\xff\0\x02\0\0\0", DecodeError::Value),
            (b"\0\0\0\x02\0\0\0\x02a", DecodeError::Truncated),
            (b"\0\0\0\x02\0\0\0\x01ab", DecodeError::Trailing),
            (b"\0\0\0\x02\x40\0\0\x01a", DecodeError::Truncated),
            (b"\0\0\0\x02\0\0\0\xfd\xff\xff\xff", DecodeError::Length(0xff_ffff)),
            (b"\xfe\0\0\x02\0\0\0", DecodeError::UnexpectedType(0xfe)),
        ] {
            assert_eq!(OkPacket::decode(payload, agreed), Err(error), "{payload:?}");
        }
        let state = OkPacket { session_state: b"x", ..OkPacket::default() };
        assert_eq!(state.encode(agreed, &mut Sequence::new(), &mut Vec::new()), Err(EncodeError::Capabilities));
    }
}
