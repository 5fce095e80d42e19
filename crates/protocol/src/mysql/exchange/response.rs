//! The stream from the server: which packet of which response it is at (MySQL source documentation, pages "Command Phase",
//! "Text Resultset" and "Binary Protocol Resultset"; MariaDB documentation, pages "Result Set Packets" and "COM_STMT_PREPARE").

use super::{Breach, Exchange, Followed};
use crate::mysql::{
    Command, DecodeError,
    frame::{HEADER_LEN, Header},
    read::Reader,
    reply::tag,
};

/// How much of a payload is looked at: `OK` up to its status, whose numbers before it can have nine bytes each.
const PREFIX_LEN: usize = 21;

/// The first byte of a packet that asks the client for a file.
const FILE: u8 = 0xfb;

/// `EOF` is a short packet; what is longer and begins with its byte is something else.
const EOF_LEN_BELOW: usize = 9;

/// Status flags: another result follows; a cursor was opened instead of sending rows.
const MORE_RESULTS_EXISTS: u16 = 0x0008;
const CURSOR_EXISTS: u16 = 0x0040;

/// What the next message of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The first of a result: `OK`, `ERR`, a wish for a file, or the number of columns.
    Result,
    /// One of so many definitions of columns, behind which rows come.
    Columns(u16),
    /// The end of the definitions of columns.
    ColumnsEnd,
    /// A row, or the end of rows.
    Row,
    /// The answer to `COM_STMT_PREPARE`.
    Prepared,
    /// One of so many definitions, and how many there are in the group behind it.
    Definition(u16, u16),
    /// The end of a group of definitions, and how many there are in the group behind it.
    DefinitionsEnd(u16),
    /// One of any number of definitions, or their end.
    Field,
    /// The only one, whatever it is.
    Only,
    /// The server waits for a file of the client.
    File,
}

impl State {
    /// What a response to this command begins with; `None` if it has none.
    pub(super) fn of(command: Command) -> Option<Self> {
        match command {
            Command::Quit | Command::StmtSendLongData | Command::StmtClose => None,
            Command::Query | Command::StmtExecute | Command::StmtBulkExecute | Command::ProcessInfo => {
                Some(Self::Result)
            }
            Command::StmtFetch => Some(Self::Row),
            Command::StmtPrepare => Some(Self::Prepared),
            Command::FieldList => Some(Self::Field),
            _ => Some(Self::Only),
        }
    }
}

/// Where the server's stream stands.
#[derive(Debug, Default)]
pub(super) struct Downward {
    /// Bytes of the current payload that are still to come, behind what is in `head`.
    left: usize,
    /// Header and beginning of the payload, as far as they have come.
    head: [u8; HEADER_LEN + PREFIX_LEN],
    have: usize,
    /// Whether the last packet is followed by another of its message.
    continues: bool,
    /// The number of the first packet of the message that has begun.
    message: u8,
    /// The number of the next packet.
    next: u8,
    /// What is expected within a response; `None` between responses.
    pub(super) state: Option<State>,
    /// Whether the response answers a command of the relay's own.
    ours: bool,
    /// Whether the message that has begun has no place.
    breached: bool,
}

impl Downward {
    /// Whether the client's next messages are a file's content.
    pub(super) fn wants_file(&self) -> bool {
        self.state == Some(State::File)
    }

    /// Counts a message of a file.
    pub(super) fn file_packet(&mut self, sequence: u8, last: bool) {
        self.next = sequence.wrapping_add(1);
        if last {
            self.state = Some(State::Result);
        }
    }

    /// The number of what stands behind the last whole message; `None` between responses.
    pub(super) fn next_sequence(&self) -> Option<u8> {
        if self.ours {
            return None;
        }
        if self.breached || self.begun() && self.have >= HEADER_LEN || self.left > 0 || self.continues {
            return Some(self.message);
        }
        self.state.map(|_| self.next)
    }

    /// Whether a packet has begun.
    fn begun(&self) -> bool {
        self.have > 0 || self.left > 0
    }
}

impl Exchange {
    /// Looks at what has come from the server, and leaves out what answers commands of the relay itself: what the client may
    /// have is moved to the beginning of `chunk`.
    pub fn from_server(&mut self, chunk: &mut [u8]) -> Followed {
        let (mut kept, mut at) = (0, 0);
        while at < chunk.len() {
            if !self.down.begun() && !self.down.continues {
                self.begin();
            }
            let (from, ours) = (at, self.down.ours);
            match self.take(&chunk[at..]) {
                Ok(taken) => at += taken,
                Err(breach) => {
                    self.down.breached = true;
                    return Followed { kept, breach: Some(breach) };
                }
            }
            if !ours {
                if kept != from {
                    chunk.copy_within(from..at, kept);
                }
                kept += at - from;
            }
        }
        Followed { kept, breach: None }
    }

    /// A message begins: where no response is under way, it is the first of the next one.
    fn begin(&mut self) {
        if self.down.state.is_none() {
            let awaited = self.awaited.pop_front();
            self.down.state = awaited.map(|awaited| awaited.state);
            self.down.ours = awaited.is_some_and(|awaited| awaited.ours);
        }
    }

    /// Takes bytes of one packet. Returns how many.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Breach> {
        let down = &mut self.down;
        if down.left > 0 {
            let part = down.left.min(bytes.len());
            down.left -= part;
            return Ok(part);
        }
        let mut taken = down.gather(bytes, HEADER_LEN);
        if down.have < HEADER_LEN {
            return Ok(taken);
        }
        let [a, b, c, d, ..] = down.head;
        let header = Header::decode([a, b, c, d]);
        if down.have == HEADER_LEN && !down.continues {
            down.message = header.sequence;
        }
        let whole = HEADER_LEN + if down.continues { 0 } else { header.len.min(PREFIX_LEN) };
        taken += down.gather(&bytes[taken..], whole);
        if down.have < whole {
            return Ok(taken);
        }
        let head = down.head;
        down.next = header.sequence.wrapping_add(1);
        (down.have, down.left) = (0, header.len - (whole - HEADER_LEN));
        let first = !down.continues;
        down.continues = header.continues();
        if first && let Some(state) = down.state {
            let next = self.judge_response(state, header, &head[HEADER_LEN..whole])?;
            self.down.state = next;
        }
        Ok(taken)
    }

    /// What follows a message that begins so, within its response.
    fn judge_response(&self, state: State, header: Header, payload: &[u8]) -> Result<Option<State>, Breach> {
        if state == State::Only {
            return Ok(None);
        }
        match (state, payload.first()) {
            (State::File, Some(_)) | (_, None) => Err(Breach::Form),
            (_, Some(&tag::ERR)) => Ok(None),
            (State::Result, Some(&tag::OK)) => ok(payload),
            (State::Result, Some(&FILE)) if self.terms.files && !self.down.ours => Ok(Some(State::File)),
            (State::Result, Some(&FILE)) => Err(Breach::File),
            (State::Result | State::Row, Some(0xfe)) if ends(header) => self.end(header, payload),
            (State::Result, _) => columns(payload),
            (State::Columns(left), _) if left > 1 => Ok(Some(State::Columns(left - 1))),
            (State::Columns(_), _) if self.deprecate_eof => Ok(Some(State::Row)),
            (State::Columns(_), _) => Ok(Some(State::ColumnsEnd)),
            (State::ColumnsEnd, Some(0xfe)) if header.len < EOF_LEN_BELOW => {
                Ok((eof_status(payload)? & CURSOR_EXISTS == 0).then_some(State::Row))
            }
            (State::Row, _) => Ok(Some(State::Row)),
            (State::Prepared, Some(&tag::OK)) => Self::prepared(payload),
            (State::Definition(left, then), _) => Ok(self.definition(left, then)),
            (State::DefinitionsEnd(then), Some(0xfe)) if header.len < EOF_LEN_BELOW => Ok(group(then, 0)),
            (State::Field, Some(0xfe)) if ends(header) => Ok(None),
            (State::Field, _) => Ok(Some(State::Field)),
            _ => Err(Breach::Form),
        }
    }

    /// What follows the end of rows.
    fn end(&self, header: Header, payload: &[u8]) -> Result<Option<State>, Breach> {
        // Also where `EOF` is not to be used any more, some responses have it.
        if header.len < EOF_LEN_BELOW && (!self.deprecate_eof || header.len < 7) {
            return Ok(more(eof_status(payload)?));
        }
        ok(payload)
    }

    /// What follows the answer to `COM_STMT_PREPARE`.
    fn prepared(payload: &[u8]) -> Result<Option<State>, Breach> {
        let (columns, parameters) = prepared_counts(payload).map_err(|_| Breach::Form)?;
        Ok(group(parameters, columns))
    }

    /// What follows one of `left` definitions.
    fn definition(&self, left: u16, then: u16) -> Option<State> {
        match left {
            2.. => Some(State::Definition(left - 1, then)),
            _ if self.deprecate_eof => group(then, 0),
            _ => Some(State::DefinitionsEnd(then)),
        }
    }
}

impl Downward {
    /// Gathers bytes of the head up to a length.
    fn gather(&mut self, bytes: &[u8], up_to: usize) -> usize {
        let part = bytes.len().min(up_to.saturating_sub(self.have));
        self.head[self.have..self.have + part].copy_from_slice(&bytes[..part]);
        self.have += part;
        part
    }
}

/// A group of definitions, or the one behind it where it is empty.
fn group(left: u16, then: u16) -> Option<State> {
    match (left, then) {
        (0, 0) => None,
        (0, then) => Some(State::Definition(then, 0)),
        (left, then) => Some(State::Definition(left, then)),
    }
}

/// Whether a packet with the byte of `EOF` is an end, and not a row whose first value has 16 MiB or more.
fn ends(header: Header) -> bool {
    !header.continues()
}

/// What follows an end with this status.
fn more(status: u16) -> Option<State> {
    (status & MORE_RESULTS_EXISTS != 0).then_some(State::Result)
}

/// What follows an `OK`.
fn ok(payload: &[u8]) -> Result<Option<State>, Breach> {
    ok_status(payload).map(more).map_err(|_| Breach::Form)
}

/// The status of an `OK`.
fn ok_status(payload: &[u8]) -> Result<u16, DecodeError> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    reader.lenenc()?;
    reader.lenenc()?;
    reader.u16()
}

/// How many columns and parameters a prepared statement has.
fn prepared_counts(payload: &[u8]) -> Result<(u16, u16), DecodeError> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    reader.u32()?;
    Ok((reader.u16()?, reader.u16()?))
}

/// The status of an `EOF`.
fn eof_status(payload: &[u8]) -> Result<u16, Breach> {
    match payload {
        [_, _, _, low, high] => Ok(u16::from_le_bytes([*low, *high])),
        _ => Err(Breach::Form),
    }
}

/// What follows the number of columns.
fn columns(payload: &[u8]) -> Result<Option<State>, Breach> {
    let count = Reader::new(payload).lenenc().map_err(|_| Breach::Form)?;
    match u16::try_from(count) {
        Ok(count @ 1..) => Ok(Some(State::Columns(count))),
        _ => Err(Breach::Form),
    }
}
