//! The stream from the client: where commands begin, and whether one of them is refused.

use super::{Awaited, Exchange, Kill, MAX_AHEAD, State, kill::MAX_KILL_LEN};
use crate::mysql::{
    Command,
    frame::{HEADER_LEN, Header},
};

/// Why a message of a client may not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The command is known and not let through.
    #[error("command {0} is not supported on a brokered connection")]
    Command(Command),
    /// The command is not known.
    #[error("command {0:#04x} is unknown")]
    Unknown(u8),
    /// The message is empty, so that it has no command.
    #[error("message has no command")]
    Empty,
    /// The message answers the server instead of beginning a command: its number is not 0. After log-in the only such
    /// message is the content of a file that a server asked for (`LOCAL INFILE`), and none has asked.
    #[error("client sends data where a command belongs, as for LOAD DATA LOCAL")]
    NotACommand,
    /// The client has sent more commands ahead than are followed.
    #[error("client sends too many commands without waiting for their responses")]
    TooManyAhead,
}

/// What [`Exchange::from_client`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// How many bytes from the beginning may be passed on.
    pub pass: usize,
    /// What stands behind them.
    pub found: Found,
}

/// What stands behind the bytes that may be passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Less than can be judged: it has to be handed over again in front of what comes next. At most a header and what a
    /// [`Kill`] may have.
    More,
    /// A message that may not be passed on. That stays so: the session has to be ended with an error, because the server
    /// must not see it.
    Refused(Refusal),
    /// A whole packet of `len` bytes, for which the caller sends what becomes of it ([`Kill::with_id`]). It counts as sent.
    Kill {
        /// What it asks for.
        kill: Kill,
        /// How many bytes it takes.
        len: usize,
    },
    /// A `COM_RESET_CONNECTION` of `len` bytes, which the caller passes on with commands of its own behind it
    /// ([`Exchange::insert`]). It counts as sent. Only where [`Terms::resets`](super::Terms::resets) asks for it.
    Reset {
        /// How many bytes it takes.
        len: usize,
    },
}

/// Where the client's stream stands.
#[derive(Debug, Default)]
pub(super) struct Upward {
    /// Bytes of the current payload that are still to come.
    left: usize,
    /// Whether the last packet that began is followed by another of its message.
    continues: bool,
    /// The number of the last packet that began.
    sequence: u8,
    /// Whether the last message is a command whose response is awaited.
    answered: bool,
    pub(super) quit: bool,
}

impl Upward {
    /// The number of what answers a client of which nothing is under way but, at most, a part of its next message.
    pub(super) fn next_sequence(&self) -> u8 {
        if self.left > 0 || self.continues { self.sequence.wrapping_add(1) } else { 1 }
    }
}

/// What to do with a message.
enum Verdict {
    Pass(Command),
    /// It cannot be judged yet.
    Wait,
    Stop(Found),
}

impl Exchange {
    /// Looks at what has come from the client: first what an earlier call did not let pass, then what is new.
    pub fn from_client(&mut self, buffer: &[u8]) -> Scan {
        let mut pass = 0;
        loop {
            let part = self.up.left.min(buffer.len() - pass);
            self.up.left -= part;
            pass += part;
            let rest = &buffer[pass..];
            let Some(head) = rest.first_chunk::<HEADER_LEN>() else { return Scan { pass, found: Found::More } };
            let header = Header::decode(*head);
            if self.up.continues {
                self.count(header.sequence);
            } else if self.down.wants_file() {
                // An empty message ends the file.
                self.down.file_packet(header.sequence, header.len == 0);
                self.up.answered = false;
            } else {
                match self.judge(header, &rest[HEADER_LEN..]) {
                    Verdict::Pass(command) => self.note(command),
                    Verdict::Wait => return Scan { pass, found: Found::More },
                    Verdict::Stop(found) => return Scan { pass, found },
                }
            }
            self.up.continues = header.continues();
            self.up.sequence = header.sequence;
            self.up.left = header.len;
            pass += HEADER_LEN;
        }
    }

    /// Judges a message by the header of its first packet and, as far as it has come, the payload.
    fn judge(&mut self, header: Header, payload: &[u8]) -> Verdict {
        if header.sequence != 0 {
            return Verdict::Stop(Found::Refused(Refusal::NotACommand));
        }
        if header.len == 0 {
            return Verdict::Stop(Found::Refused(Refusal::Empty));
        }
        let Some(byte) = payload.first() else { return Verdict::Wait };
        let command = match Command::from_byte(*byte) {
            Some(command) if command.is_allowed() => command,
            Some(command) => return Verdict::Stop(Found::Refused(Refusal::Command(command))),
            None => return Verdict::Stop(Found::Refused(Refusal::Unknown(*byte))),
        };
        if self.awaited.len() >= MAX_AHEAD {
            return Verdict::Stop(Found::Refused(Refusal::TooManyAhead));
        }
        let len = HEADER_LEN + header.len;
        match command {
            Command::ResetConnection if self.terms.resets && header.len == 1 => {
                self.note(command);
                Verdict::Stop(Found::Reset { len })
            }
            Command::Query | Command::ProcessKill if header.len <= MAX_KILL_LEN => match payload.get(..header.len) {
                Some(whole) => match Kill::read(whole) {
                    Some(kill) => {
                        self.note(command);
                        Verdict::Stop(Found::Kill { kill, len })
                    }
                    None => Verdict::Pass(command),
                },
                None if command == Command::Query && !Kill::may_begin(payload) => Verdict::Pass(command),
                None => Verdict::Wait,
            },
            _ => Verdict::Pass(command),
        }
    }

    /// Notes a command that goes to the server.
    fn note(&mut self, command: Command) {
        self.up.quit |= command == Command::Quit;
        let state = State::of(command);
        self.up.answered = state.is_some();
        if let Some(state) = state {
            self.awaited.push_back(Awaited { state, sequence: 1, ours: false });
        }
    }

    /// Counts a further packet of the message that was noted last.
    fn count(&mut self, sequence: u8) {
        if let Some(awaited) = self.awaited.back_mut().filter(|_| self.up.answered) {
            awaited.sequence = sequence.wrapping_add(1);
        }
    }
}
