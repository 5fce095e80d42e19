//! `ErrorResponse` and `NoticeResponse`, which share their layout: a list of fields, each a code and a string.

use crate::postgres::{DecodeError, read::Reader};

use super::{SqlState, tag};

/// The longest text of one field that is sent, in bytes; what is longer is cut.
const MAX_TEXT: usize = 8 * 1024;

/// How many fields a received message may have. There are 18 kinds.
const MAX_FIELDS: usize = 64;

/// How bad it is. After `Fatal` and `Panic` the connection ends. The first three belong to `ErrorResponse`, the others
/// to `NoticeResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// All sessions end.
    Panic,
    /// A warning.
    Warning,
    /// A notice.
    Notice,
    /// A message for developers.
    Debug,
    /// Information that was asked for.
    Info,
    /// A message for the log.
    Log,
}

impl Severity {
    /// The word on the wire, in fields `S` and `V`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }

    /// The severity behind the word of field `V`, which is never translated.
    fn parse(word: &str) -> Option<Self> {
        let all =
            [Self::Error, Self::Fatal, Self::Panic, Self::Warning, Self::Notice, Self::Debug, Self::Info, Self::Log];
        all.into_iter().find(|severity| severity.as_str() == word)
    }
}

/// The kinds of field (PostgreSQL manual, "Error and Notice Message Fields").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorField {
    /// The severity in the session's language.
    LocalizedSeverity = b'S',
    /// The severity, never translated (since 9.6).
    Severity = b'V',
    /// The SQLSTATE code.
    Code = b'C',
    /// The message, one line as a rule.
    Message = b'M',
    /// More about the problem.
    Detail = b'D',
    /// What to do about it.
    Hint = b'H',
    /// Where in the statement, counted in characters from 1.
    Position = b'P',
    /// Where in the internal statement.
    InternalPosition = b'p',
    /// The internal statement.
    InternalQuery = b'q',
    /// Where in the server's work.
    Where = b'W',
    /// The schema concerned.
    Schema = b's',
    /// The table concerned.
    Table = b't',
    /// The column concerned.
    Column = b'c',
    /// The data type concerned.
    DataType = b'd',
    /// The constraint concerned.
    Constraint = b'n',
    /// The source file that reported it.
    File = b'F',
    /// The line in that file.
    Line = b'L',
    /// The routine in that file.
    Routine = b'R',
}

impl ErrorField {
    /// The kind behind a code.
    fn from_code(code: u8) -> Option<Self> {
        const ALL: [ErrorField; 18] = [
            ErrorField::LocalizedSeverity,
            ErrorField::Severity,
            ErrorField::Code,
            ErrorField::Message,
            ErrorField::Detail,
            ErrorField::Hint,
            ErrorField::Position,
            ErrorField::InternalPosition,
            ErrorField::InternalQuery,
            ErrorField::Where,
            ErrorField::Schema,
            ErrorField::Table,
            ErrorField::Column,
            ErrorField::DataType,
            ErrorField::Constraint,
            ErrorField::File,
            ErrorField::Line,
            ErrorField::Routine,
        ];
        ALL.into_iter().find(|field| *field as u8 == code)
    }
}

/// The fields of an error or a notice.
///
/// ```
/// use mayfly_protocol::postgres::backend::{ErrorFields, Severity, SqlState};
///
/// let mut out = Vec::new();
/// ErrorFields::new(Severity::Fatal, SqlState::ADMIN_SHUTDOWN, "the session has ended")
///     .hint("ask for access again")
///     .encode_error(&mut out);
/// assert_eq!(out[0], b'E');
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorFields {
    fields: Vec<(ErrorField, String)>,
}

impl ErrorFields {
    /// The fields that every message has: severity, code and message.
    #[must_use]
    pub fn new(severity: Severity, code: SqlState, message: &str) -> Self {
        Self::default()
            .with(ErrorField::LocalizedSeverity, severity.as_str())
            .with(ErrorField::Severity, severity.as_str())
            .with(ErrorField::Code, code.as_str())
            .with(ErrorField::Message, message)
    }

    /// Sets a field. Text is made fit for the wire: zero bytes become U+FFFD, and what is longer than 8 KiB is cut.
    #[must_use]
    pub fn with(mut self, field: ErrorField, text: &str) -> Self {
        let text = clean(text);
        match self.fields.iter_mut().find(|(f, _)| *f == field) {
            Some((_, old)) => *old = text,
            None => self.fields.push((field, text)),
        }
        self
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(self, text: &str) -> Self {
        self.with(ErrorField::Detail, text)
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(self, text: &str) -> Self {
        self.with(ErrorField::Hint, text)
    }

    /// The text of a field.
    #[must_use]
    pub fn get(&self, field: ErrorField) -> Option<&str> {
        self.fields.iter().find(|(f, _)| *f == field).map(|(_, text)| text.as_str())
    }

    /// The severity, from the field that is never translated, or else from the other. `None` if neither is a word of the
    /// protocol.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let word = self.get(ErrorField::Severity).or_else(|| self.get(ErrorField::LocalizedSeverity))?;
        Severity::parse(word)
    }

    /// The SQLSTATE code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<SqlState> {
        self.get(ErrorField::Code).and_then(|text| SqlState::parse(text).ok())
    }

    /// The message; empty if there is none. It comes from the peer and is not to be trusted.
    #[must_use]
    pub fn message(&self) -> &str {
        self.get(ErrorField::Message).unwrap_or_default()
    }

    /// Decodes the body of an `E` or `N` message. Fields of unknown kinds are left out, as the manual asks; of several of
    /// one kind the last holds; text that is not UTF-8 (its encoding is unknown before log-in) is replaced in part.
    ///
    /// # Errors
    /// What does not have the layout of the manual, or more than 64 fields.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut fields = Self::default();
        for _ in 0..=MAX_FIELDS {
            let code = reader.u8()?;
            if code == 0 {
                return reader.end().map(|()| fields);
            }
            let text = reader.cstr()?;
            if let Some(field) = ErrorField::from_code(code) {
                fields = fields.with(field, &String::from_utf8_lossy(text));
            }
        }
        Err(DecodeError::TooMany)
    }

    /// Appends an `ErrorResponse`.
    pub fn encode_error(&self, out: &mut Vec<u8>) {
        self.encode(tag::ERROR_RESPONSE, out);
    }

    /// Appends a `NoticeResponse`.
    pub fn encode_notice(&self, out: &mut Vec<u8>) {
        self.encode(tag::NOTICE_RESPONSE, out);
    }

    /// Appends the fields behind a type byte. Nothing can fail: texts were cleaned and cut when they were set.
    fn encode(&self, tag: u8, out: &mut Vec<u8>) {
        let body: usize = 1 + self.fields.iter().map(|(_, text)| text.len() + 2).sum::<usize>();
        out.push(tag);
        // At most 18 fields of 8 KiB: the saturation is never reached.
        out.extend_from_slice(&u32::try_from(body + 4).unwrap_or(u32::MAX).to_be_bytes());
        for (field, text) in &self.fields {
            out.push(*field as u8);
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
        out.push(0);
    }
}

/// The text without zero bytes, and cut.
fn clean(text: &str) -> String {
    let mut clean = text.replace('\0', "\u{fffd}");
    if clean.len() > MAX_TEXT {
        let cut = (0..=MAX_TEXT).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
        clean.truncate(cut);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        let mut out = Vec::new();
        ErrorFields::new(Severity::Fatal, SqlState::INVALID_PASSWORD, "no").hint("h").encode_error(&mut out);
        assert_eq!(out, b"E\0\0\0\x21SFATAL\0VFATAL\0C28P01\0Mno\0Hh\0\0");
    }

    #[test]
    fn zero_bytes_are_replaced_and_long_text_is_cut() {
        let fields = ErrorFields::new(Severity::Notice, SqlState::SUCCESS, "a\0b").detail(&"é".repeat(MAX_TEXT));
        let mut out = Vec::new();
        fields.encode_notice(&mut out);
        assert_eq!(out[0], b'N');
        let back = ErrorFields::decode(&out[5..]).unwrap();
        assert_eq!(back, fields);
        assert_eq!(back.message(), "a\u{fffd}b");
        assert_eq!(back.get(ErrorField::Detail).unwrap().len(), MAX_TEXT);
    }

    #[test]
    fn unknown_kinds_are_left_out_and_faults_refused() {
        let fields = ErrorFields::decode(b"SFEHLER\0VERROR\0zwhat\0C42501\0M\xff\0\0").unwrap();
        assert_eq!(fields.severity(), Some(Severity::Error));
        assert_eq!(fields.code(), Some(SqlState::INSUFFICIENT_PRIVILEGE));
        assert_eq!(fields.message(), "\u{fffd}");
        assert_eq!(ErrorFields::decode(b"Mx\0"), Err(DecodeError::Truncated));
        assert_eq!(ErrorFields::decode(b"Mx"), Err(DecodeError::Unterminated));
        assert_eq!(ErrorFields::decode(b"\0\0"), Err(DecodeError::Trailing));
        assert_eq!(ErrorFields::decode(&b"Mx\0".repeat(80)), Err(DecodeError::TooMany));
    }

    #[test]
    fn every_code_has_a_kind() {
        let codes = b"SVCMDHPpqWstcdnFLR";
        assert!(codes.iter().all(|code| ErrorField::from_code(*code).map(|f| f as u8) == Some(*code)));
        assert_eq!(ErrorField::from_code(b'Z'), None);
    }
}
