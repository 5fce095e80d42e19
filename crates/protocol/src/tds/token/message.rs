//! `ERROR` and `INFO` (MS-TDS 2.2.7.10 and 2.2.7.13): what a server says to people.

use crate::tds::{DecodeError, EncodeError, TdsVersion, read::Reader, write};

use super::kind;

/// The longest text of an error that is written, in UTF-16 units. What is longer is cut.
const MAX_TEXT_LEN: usize = 2048;

/// Whether something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Severity {
    /// It did.
    Error = kind::ERROR,
    /// It did not.
    Info = kind::INFO,
}

/// The token. What a server says is as untrusted as all that it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMessage {
    /// Whether something went wrong.
    pub severity: Severity,
    /// Which message it is: a number of SQL Server's (`sys.messages`), 50000 and above for those of users.
    pub number: u32,
    /// Where in the server it was said.
    pub state: u8,
    /// How bad it is: up to 10 nothing has happened, from 20 on the connection is over.
    pub class: u8,
    /// The sentence.
    pub text: String,
    /// The server's name.
    pub server: String,
    /// The procedure's name, if it happened in one.
    pub procedure: String,
    /// The line in the batch.
    pub line: u32,
}

impl ServerMessage {
    /// An error.
    #[must_use]
    pub fn error(number: u32, class: u8, text: &str) -> Self {
        Self {
            severity: Severity::Error,
            number,
            state: 1,
            class,
            text: text.to_owned(),
            server: String::new(),
            procedure: String::new(),
            line: 1,
        }
    }

    /// Something that is only said.
    #[must_use]
    pub fn info(number: u32, text: &str) -> Self {
        Self { severity: Severity::Info, ..Self::error(number, 0, text) }
    }

    /// Appends the token. Too long a text is cut.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for too long a name.
    pub fn encode(&self, version: TdsVersion, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::whole(out, |out| {
            out.push(self.severity as u8);
            write::with_u16_length(out, |out| {
                out.extend(self.number.to_le_bytes());
                out.extend([self.state, self.class]);
                write::us_varchar(out, cut(&self.text))?;
                write::b_varchar(out, &self.server)?;
                write::b_varchar(out, &self.procedure)?;
                if version.is_7_2() {
                    out.extend(self.line.to_le_bytes());
                } else {
                    out.extend(u16::try_from(self.line).unwrap_or(u16::MAX).to_le_bytes());
                }
                Ok(())
            })
        })
    }

    /// Reads the body of the token.
    pub(super) fn read(severity: Severity, mut body: Reader<'_>, version: TdsVersion) -> Result<Self, DecodeError> {
        let message = Self {
            severity,
            number: body.u32()?,
            state: body.u8()?,
            class: body.u8()?,
            text: body.us_varchar()?,
            server: body.b_varchar()?,
            procedure: body.b_varchar()?,
            line: if version.is_7_2() { body.u32()? } else { u32::from(body.u16()?) },
        };
        body.end()?;
        Ok(message)
    }
}

/// The longest beginning of a text that is short enough.
fn cut(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, char)| {
        units += char.len_utf16();
        units > MAX_TEXT_LEN
    });
    end.map_or(text, |(at, _)| &text[..at])
}
