//! What a relay follows of a connection after its log-in: commands of the client, each with its response, and the content of
//! files. It looks at the first bytes of packets and copies nothing, so that it knows at every moment
//!
//! * which commands are under way, and whether one of them is refused ([`Refusal`]);
//! * whether the server asks the client for a file (`LOCAL INFILE`), which any server can do in answer to any query;
//! * which number a packet has to have that ends the connection with an error ([`Exchange::next_sequence`]);
//! * which response belongs to a command that the relay has put in between, so that the client never sees it;
//! * where a client asks to end a query or a connection ([`Kill`]), which it names by the number of its greeting.
//!
//! Statements are not parsed: of the text of a query only the one form of `KILL` is recognised that clients send themselves.

mod client;
mod kill;
mod response;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::{Capabilities, Command};

pub use client::{Found, Refusal, Scan};
pub use kill::Kill;

use client::Upward;
use response::{Downward, State};

/// How many commands a client may send ahead of their responses. Drivers that send batches stay far below; without a limit, a
/// server that reads and never answers would let the list grow.
pub const MAX_AHEAD: usize = 64 * 1024;

/// The server breaks the protocol, or asks for a file that it may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// The server asks the client for a file, and nobody has allowed that.
    #[error("server asks for a file of the client")]
    File,
    /// A packet does not have a form that it can have at its place.
    #[error("server sends a packet that has no place in a response")]
    Form,
}

/// What came of following the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// How many bytes the client may have.
    pub kept: usize,
    /// Why the message that begins behind them may not reach the client. The session has to be ended with an error.
    pub breach: Option<Breach>,
}

/// What a relay does for a connection beyond copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Whether the server may ask for files of the client.
    pub files: bool,
    /// Whether the relay wants to know of `COM_RESET_CONNECTION`, to send commands of its own behind it.
    pub resets: bool,
}

/// A command whose response has not begun.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    state: State,
    /// The number of the response's first packet.
    sequence: u8,
    /// Whether the relay has sent it, so that the client does not see the response.
    ours: bool,
}

/// Both directions of one connection.
///
/// ```
/// use mayfly_protocol::mysql::{Capabilities, exchange::{Exchange, Found, Refusal, Terms}};
///
/// let mut exchange = Exchange::new(Capabilities::SPOKEN, Terms::default());
/// // COM_PING, and COM_CHANGE_USER behind it.
/// let scan = exchange.from_client(b"\x01\0\0\0\x0e\x03\0\0\0\x11a\0");
/// assert_eq!(scan.pass, 5);
/// assert!(matches!(scan.found, Found::Refused(Refusal::Command(_))));
/// // The answer to the first.
/// let mut answer = *b"\x07\0\0\x01\0\0\0\x02\0\0\0";
/// assert_eq!(exchange.from_server(&mut answer).kept, 11);
/// ```
#[derive(Debug)]
pub struct Exchange {
    terms: Terms,
    /// Whether results end with `OK` instead of `EOF`.
    deprecate_eof: bool,
    up: Upward,
    down: Downward,
    awaited: VecDeque<Awaited>,
}

impl Exchange {
    /// A connection on which both sides have agreed these capabilities, behind its log-in.
    #[must_use]
    pub fn new(agreed: Capabilities, terms: Terms) -> Self {
        Self {
            terms,
            deprecate_eof: agreed.contains(Capabilities::DEPRECATE_EOF),
            up: Upward::default(),
            down: Downward::default(),
            awaited: VecDeque::new(),
        }
    }

    /// The relay sends a command of its own, of one packet, behind everything that the client has sent so far. What answers it
    /// is left out of what [`Exchange::from_server`] keeps.
    pub fn insert(&mut self, command: Command) {
        if let Some(state) = State::of(command) {
            self.awaited.push_back(Awaited { state, sequence: 1, ours: true });
        }
    }

    /// Whether the client has said that it leaves.
    #[must_use]
    pub fn has_quit(&self) -> bool {
        self.up.quit
    }

    /// Which number a packet has to have that stands behind the last whole message that the client was given. A client that waits
    /// for nothing reads it as the answer to its next command.
    #[must_use]
    pub fn next_sequence(&self) -> u8 {
        if let Some(sequence) = self.down.next_sequence() {
            return sequence;
        }
        match self.awaited.iter().find(|awaited| !awaited.ours) {
            Some(awaited) => awaited.sequence,
            None => self.up.next_sequence(),
        }
    }
}
