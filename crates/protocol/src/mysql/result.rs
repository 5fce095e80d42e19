//! What comes back for a `COM_QUERY`: one result for each statement in it, each with its rows as text (MySQL source
//! documentation, pages "COM_QUERY Response" and "Text Resultset"; MariaDB documentation, page "Result Set Packets").

use super::{
    Capabilities, DecodeError,
    frame::MAX_PACKET_LEN,
    read::Reader,
    reply::{ErrPacket, OkPacket, tag},
};

/// The most columns that a table can have.
pub const MAX_COLUMNS: u64 = 4096;

/// The byte that stands for NULL in a row.
const NULL: u8 = 0xfb;

/// A row: the text of each column, or that it is NULL.
pub type Row = Vec<Option<Vec<u8>>>;

/// What one packet of a response was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The description of what comes; nothing to be done.
    Described,
    /// A row of the current result.
    Row(Row),
    /// The end of a statement's result.
    End {
        /// Whether another statement's result follows.
        more: bool,
    },
    /// The statement failed. What followed it in the query is not run, and nothing more comes.
    Failed(ErrPacket),
}

/// Where in a response we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a result.
    Begin,
    /// So many columns are still to be described.
    Columns(u64),
    /// Rows.
    Rows,
    /// Nothing more comes.
    Done,
}

/// The response to one query, packet by packet, on a connection that has agreed
/// [`Capabilities::DEPRECATE_EOF`]: without it rows end in another way.
///
/// ```
/// use mayfly_protocol::mysql::{Capabilities, result::{Event, Results}};
///
/// let mut results = Results::new(Capabilities::SPOKEN);
/// assert_eq!(results.take(b"\x01")?, Event::Described);
/// assert_eq!(results.take(b"(the column)")?, Event::Described);
/// assert_eq!(results.take(b"\x02hi")?, Event::Row(vec![Some(b"hi".to_vec())]));
/// assert_eq!(results.take(b"\xfe\0\0\x02\0\0\0")?, Event::End { more: false });
/// # Ok::<(), mayfly_protocol::mysql::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Results {
    agreed: Capabilities,
    columns: u64,
    state: State,
}

impl Results {
    /// The beginning of a response, on a connection with these capabilities.
    #[must_use]
    pub fn new(agreed: Capabilities) -> Self {
        Self { agreed, columns: 0, state: State::Begin }
    }

    /// Whether the response has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the payload of the next packet.
    ///
    /// # Errors
    /// What does not have the layout of the manual; [`DecodeError::UnexpectedType`] for a request for a file of ours, which no
    /// query here asks for, and for a packet after the end; [`DecodeError::TooMany`] for more than [`MAX_COLUMNS`].
    pub fn take(&mut self, payload: &[u8]) -> Result<Event, DecodeError> {
        let first = *payload.first().ok_or(DecodeError::Truncated)?;
        match self.state {
            State::Done => Err(DecodeError::UnexpectedType(first)),
            State::Begin => self.begin(first, payload),
            State::Columns(left) => {
                self.state = if left > 1 { State::Columns(left - 1) } else { State::Rows };
                Ok(Event::Described)
            }
            State::Rows => match first {
                tag::ERR => self.failed(payload),
                // A row whose first text is longer than a packet begins with the same byte.
                tag::AUTH_SWITCH_REQUEST if payload.len() < MAX_PACKET_LEN => self.end(payload),
                _ => self.row(payload),
            },
        }
    }

    fn begin(&mut self, first: u8, payload: &[u8]) -> Result<Event, DecodeError> {
        match first {
            tag::OK => self.end(payload),
            tag::ERR => self.failed(payload),
            NULL => Err(DecodeError::UnexpectedType(NULL)),
            _ => {
                let mut reader = Reader::new(payload);
                let columns = reader.lenenc()?;
                reader.end()?;
                if columns > MAX_COLUMNS {
                    return Err(DecodeError::TooMany);
                }
                self.columns = columns;
                self.state = State::Columns(columns);
                Ok(Event::Described)
            }
        }
    }

    fn end(&mut self, payload: &[u8]) -> Result<Event, DecodeError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        let more = OkPacket::read(reader, self.agreed)?.status & OkPacket::MORE_RESULTS != 0;
        self.state = if more { State::Begin } else { State::Done };
        Ok(Event::End { more })
    }

    fn failed(&mut self, payload: &[u8]) -> Result<Event, DecodeError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        self.state = State::Done;
        Ok(Event::Failed(ErrPacket::read(reader)?))
    }

    fn row(&self, payload: &[u8]) -> Result<Event, DecodeError> {
        let mut reader = Reader::new(payload);
        let mut row = Row::new();
        for _ in 0..self.columns {
            row.push(if reader.next_is(NULL) {
                reader.u8()?;
                None
            } else {
                Some(reader.lenenc_bytes(payload.len())?.to_vec())
            });
        }
        reader.end()?;
        Ok(Event::Row(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(packets: &[&[u8]]) -> Result<Vec<Event>, DecodeError> {
        let mut results = Results::new(Capabilities::SPOKEN);
        packets.iter().map(|packet| results.take(packet)).collect()
    }

    const END: &[u8] = b"\xfe\0\0\x02\0\0\0";
    const MORE: &[u8] = b"\xfe\0\0\x0a\0\0\0";

    #[test]
    fn several_results_come_one_after_the_other() {
        let events =
            all(&[b"\0\0\0\x0a\0\0\0", b"\x02", b"c", b"c", b"\x01a\xfb", b"\0\x03b\0c", MORE, b"\x01", b"c", END]);
        assert_eq!(
            events.unwrap(),
            [
                Event::End { more: true },
                Event::Described,
                Event::Described,
                Event::Described,
                Event::Row(vec![Some(b"a".to_vec()), None]),
                Event::Row(vec![Some(Vec::new()), Some(b"b\0c".to_vec())]),
                Event::End { more: true },
                Event::Described,
                Event::Described,
                Event::End { more: false },
            ]
        );
    }

    #[test]
    fn a_failure_ends_everything() {
        let mut results = Results::new(Capabilities::SPOKEN);
        assert!(!results.is_done());
        let Event::Failed(error) = results.take(b"\xff\x48\x04#HY000No tables used").unwrap() else { panic!() };
        assert_eq!(error.number, 1096);
        assert!(results.is_done());
        assert_eq!(results.take(END), Err(DecodeError::UnexpectedType(0xfe)));
    }

    #[test]
    fn a_failure_may_come_between_rows() {
        let events = all(&[b"\x01", b"c", b"\x01a", b"\xff\x25\x05#70100Query execution was interrupted"]).unwrap();
        assert!(matches!(&events[3], Event::Failed(error) if error.number == 1317), "{events:?}");
    }

    #[test]
    fn lengths_are_not_believed() {
        for (packets, error) in [
            (&[&b""[..]][..], DecodeError::Truncated),
            (&[b"\xfb/etc/passwd"], DecodeError::UnexpectedType(0xfb)),
            (&[b"\xfc\x01\x10"], DecodeError::TooMany),
            (&[b"\x01x"], DecodeError::Trailing),
            (&[b"\x01", b"c", b"\x02a"], DecodeError::Truncated),
            (&[b"\x01", b"c", b"\x01ab"], DecodeError::Trailing),
            (&[b"\x02", b"c", b"c", b"\x01a"], DecodeError::Truncated),
            (&[b"\x01", b"c", b"\xfd\xff\xff\xff"], DecodeError::Length(0xff_ffff)),
        ] {
            assert_eq!(all(packets), Err(error), "{packets:?}");
        }
    }
}
