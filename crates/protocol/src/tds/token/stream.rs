//! Reading a stream of tokens, whole message by whole message.

use crate::tds::{
    DecodeError, TdsVersion,
    data::{DataType, Value},
    login::Features,
    read::Reader,
};

use super::{Column, Done, DoneKind, EnvChange, LoginAck, ServerMessage, Severity, kind};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// The log-in has succeeded.
    LoginAck(LoginAck),
    /// What the server makes of the features of the log-in.
    FeaturesAck(Features),
    /// Something about the connection has changed.
    EnvChange(EnvChange),
    /// What the server says to people.
    Message(ServerMessage),
    /// The columns of the rows that follow.
    Columns(Vec<Column>),
    /// A row.
    Row(Vec<Value>),
    /// What a procedure returns.
    ReturnStatus(i32),
    /// A parameter that a procedure has set, by its name.
    ReturnValue(String, Value),
    /// Something has ended.
    Done(Done),
    /// The server wants more of an integrated or federated authentication.
    MoreAuthentication,
    /// Something that nobody here needs to know.
    Skipped,
}

/// Reads the tokens of a message. Ends at the first error: where the next token begins is not known then.
///
/// ```
/// use mayfly_protocol::tds::{TdsVersion, token::{Done, DoneStatus, Token, Tokens}};
///
/// let mut data = Vec::new();
/// Done::statement(DoneStatus::FINAL).encode(TdsVersion::V7_4, &mut data);
/// let mut tokens = Tokens::new(&data, TdsVersion::V7_4);
/// assert!(matches!(tokens.next(), Some(Ok(Token::Done(_)))));
/// assert!(tokens.next().is_none());
/// ```
#[derive(Clone)]
pub struct Tokens<'a> {
    reader: Reader<'a>,
    version: TdsVersion,
    columns: Vec<Column>,
}

impl<'a> Tokens<'a> {
    /// The tokens of a message's data, in the version that is spoken. Before an acknowledgement of the log-in that is the one
    /// that the client asks for; an acknowledgement changes it.
    #[must_use]
    pub fn new(data: &'a [u8], version: TdsVersion) -> Self {
        Self { reader: Reader::new(data), version, columns: Vec::new() }
    }

    /// The version that is spoken, as far as the stream was read.
    #[must_use]
    pub fn version(&self) -> TdsVersion {
        self.version
    }

    fn read(&mut self) -> Result<Token, DecodeError> {
        let version = self.version;
        let reader = &mut self.reader;
        match reader.u8()? {
            kind::LOGIN_ACK => {
                let ack = LoginAck::read(body(reader)?)?;
                self.version = ack.version;
                Ok(Token::LoginAck(ack))
            }
            kind::ERROR => ServerMessage::read(Severity::Error, body(reader)?, version).map(Token::Message),
            kind::INFO => ServerMessage::read(Severity::Info, body(reader)?, version).map(Token::Message),
            kind::ENV_CHANGE => EnvChange::read(body(reader)?).map(Token::EnvChange),
            kind::FEATURES_ACK => Features::read(reader).map(Token::FeaturesAck),
            kind::DONE => Done::read(DoneKind::Statement, reader, version).map(Token::Done),
            kind::DONE_PROC => Done::read(DoneKind::Procedure, reader, version).map(Token::Done),
            kind::DONE_IN_PROC => Done::read(DoneKind::InProcedure, reader, version).map(Token::Done),
            kind::COLUMNS => {
                self.columns = Column::read(reader, version)?;
                Ok(Token::Columns(self.columns.clone()))
            }
            kind::ROW => row(reader, &self.columns, &[]).map(Token::Row),
            kind::NULLS_ROW => {
                let nulls = reader.bytes(self.columns.len().div_ceil(8))?;
                row(reader, &self.columns, nulls).map(Token::Row)
            }
            kind::RETURN_STATUS => reader.array().map(|bytes| Token::ReturnStatus(i32::from_le_bytes(bytes))),
            kind::RETURN_VALUE => {
                // Its number, and behind its name what it is: a status, a user-defined type, flags.
                reader.u16()?;
                let name = reader.b_varchar()?;
                reader.bytes(if version.is_7_2() { 7 } else { 5 })?;
                let (data_type, fixed) = DataType::read(reader)?;
                Ok(Token::ReturnValue(name, Value::read(reader, data_type, fixed)?))
            }
            kind::ORDER => body(reader).map(|_| Token::Skipped),
            kind::SSPI => body(reader).map(|_| Token::MoreAuthentication),
            kind::SESSION_STATE => reader.long_bytes().map(|_| Token::Skipped),
            kind::FEDERATED => reader.long_bytes().map(|_| Token::MoreAuthentication),
            other => Err(DecodeError::Token(other)),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Result<Token, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let token = self.read();
        if token.is_err() {
            self.reader.rest();
        }
        Some(token)
    }
}

/// The body of a token with two bytes of length in front.
fn body<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>, DecodeError> {
    let len = reader.u16()?;
    reader.bytes(usize::from(len)).map(Reader::new)
}

/// The values of a row. A bit in `nulls` says that one is NULL and does not stand there.
fn row(reader: &mut Reader<'_>, columns: &[Column], nulls: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let is_null = |at: usize| nulls.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
    // A row without columns would take one byte of the stream and none of its own; it ends here.
    if columns.is_empty() {
        return Err(DecodeError::Value);
    }
    let values = columns.iter().enumerate().map(|(at, column)| {
        if is_null(at) { Ok(Value::Null) } else { Value::read(reader, column.data_type, column.fixed) }
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tds::{
        EncodeError,
        data::{Collation, DateTime},
        login::{Feature, FeatureId},
        token::{DoneStatus, EnvKind, Route, encode_features_ack, encode_return_status, encode_row},
    };

    /// Tokens that can be written, with their bytes.
    fn written(token: &Token, columns: &[Column], version: TdsVersion) -> Vec<u8> {
        let mut out = Vec::new();
        match token {
            Token::LoginAck(ack) => ack.encode(&mut out).unwrap(),
            Token::FeaturesAck(features) => encode_features_ack(features, &mut out).unwrap(),
            Token::EnvChange(change) => change.encode(&mut out).unwrap(),
            Token::Message(message) => message.encode(version, &mut out).unwrap(),
            Token::Columns(columns) => Column::encode(columns, version, &mut out).unwrap(),
            Token::Row(row) => encode_row(columns, row, &mut out).unwrap(),
            Token::ReturnStatus(status) => encode_return_status(*status, &mut out),
            Token::Done(done) => done.encode(version, &mut out),
            Token::ReturnValue(..) | Token::MoreAuthentication | Token::Skipped => panic!("{token:?}"),
        }
        out
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("session_id", DataType::Int(2)),
            Column::new("login_name", DataType::nvarchar(128)),
            Column::new("login_time", DataType::DateTime(8)),
            Column::new("", DataType::Bit),
            Column::new("sid", DataType::Binary(Some(85))),
        ]
    }

    fn change() -> impl Strategy<Value = EnvChange> {
        prop_oneof![
            (
                prop::sample::select(vec![EnvKind::Database, EnvKind::Language, EnvKind::PacketLen]),
                "\\PC{0,20}",
                "\\PC{0,20}"
            )
                .prop_map(|(kind, new, old)| EnvChange::text(kind, &new, &old)),
            any::<Option<[u8; 5]>>().prop_map(|new| EnvChange::Collation { new: new.map(Collation), old: None }),
            any::<[u8; 8]>().prop_map(EnvChange::Begun),
            any::<[u8; 8]>().prop_map(EnvChange::Committed),
            any::<[u8; 8]>().prop_map(EnvChange::RolledBack),
            Just(EnvChange::Reset),
            ("\\PC{0,20}", any::<u16>()).prop_map(|(server, port)| EnvChange::Routed(Route { server, port })),
        ]
    }

    fn token() -> impl Strategy<Value = Token> {
        prop_oneof![
            ("\\PC{0,20}", any::<[u8; 4]>()).prop_map(|(program, program_version)| {
                Token::LoginAck(LoginAck { interface: 1, version: TdsVersion::V7_4, program, program_version })
            }),
            prop::collection::vec((0u8..255, prop::collection::vec(any::<u8>(), 0..9)), 0..4).prop_map(|features| {
                let features = features.into_iter().map(|(id, data)| Feature { id: FeatureId(id), data });
                Token::FeaturesAck(Features(features.collect()))
            }),
            change().prop_map(Token::EnvChange),
            (any::<(u32, u8, u8, u16, bool)>(), "\\PC{0,40}", "\\PC{0,9}", "\\PC{0,9}").prop_map(
                |((number, state, class, line, info), text, server, procedure)| {
                    let severity = if info { Severity::Info } else { Severity::Error };
                    let line = u32::from(line);
                    Token::Message(ServerMessage { severity, number, state, class, text, server, procedure, line })
                }
            ),
            any::<(i16, String, i32, u32, bool, Vec<u8>)>().prop_map(|(id, name, days, ticks, bit, mut sid)| {
                sid.truncate(85);
                let name = name.chars().take(30).collect();
                let time = Value::DateTime(DateTime { days, ticks });
                Token::Row(vec![
                    Value::Int(i64::from(id)),
                    Value::Text(name),
                    time,
                    Value::Bit(bit),
                    Value::Binary(sid),
                ])
            }),
            any::<i32>().prop_map(Token::ReturnStatus),
            (any::<(u16, u16, u32)>(), 0..3).prop_map(|((status, command, rows), kind)| {
                let kind =
                    [DoneKind::Statement, DoneKind::Procedure, DoneKind::InProcedure][usize::try_from(kind).unwrap()];
                Token::Done(Done { kind, status: DoneStatus(status), command, rows: u64::from(rows) })
            }),
        ]
    }

    proptest! {
        #[test]
        fn tokens_come_back(tokens in prop::collection::vec(token(), 0..8), old: bool) {
            // The acknowledgement would change the version in the middle.
            let version = if old { TdsVersion::V7_1 } else { TdsVersion::V7_4 };
            let acks = |token: &Token| old && matches!(token, Token::LoginAck(_));
            let mut all = vec![Token::Columns(columns())];
            all.extend(tokens.into_iter().filter(|token| !acks(token)));
            let bytes: Vec<u8> = all.iter().flat_map(|token| written(token, &columns(), version)).collect();
            let back: Vec<Token> = Tokens::new(&bytes, version).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(back, all);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for version in [TdsVersion::V7_1, TdsVersion::V7_4] {
                for kind in [0x79, 0x81, 0xa9, 0xaa, 0xac, 0xad, 0xae, 0xd1, 0xd2, 0xe3, 0xe4, 0xed, 0xee, 0xfd] {
                    let tokens = Tokens::new(&bytes, version).count();
                    prop_assert!(tokens <= bytes.len() + 1);
                    let mut more = vec![kind];
                    more.extend(&bytes);
                    prop_assert!(Tokens::new(&more, version).count() <= more.len());
                }
            }
        }
    }

    #[test]
    fn nulls_may_stand_in_front_of_a_row() {
        let mut bytes = written(&Token::Columns(columns()), &[], TdsVersion::V7_4);
        bytes.extend(b"\xd2\x1e\x02\x33\0");
        let rows: Vec<_> = Tokens::new(&bytes, TdsVersion::V7_4).skip(1).collect();
        let nulls = [Value::Int(0x33), Value::Null, Value::Null, Value::Null, Value::Null].to_vec();
        assert_eq!(rows, [Ok(Token::Row(nulls))]);
    }

    #[test]
    fn rows_need_their_columns() {
        assert_eq!(Tokens::new(b"\xd1", TdsVersion::V7_4).next(), Some(Err(DecodeError::Value)));
        assert_eq!(encode_row(&columns(), &[], &mut Vec::new()), Err(EncodeError::Type));
        assert_eq!(Tokens::new(b"\x81\x01\x10", TdsVersion::V7_4).next(), Some(Err(DecodeError::TooMany)));
    }

    #[test]
    fn long_texts_of_errors_are_cut() {
        let mut out = Vec::new();
        ServerMessage::error(50_000, 16, &"𝄞".repeat(40_000)).encode(TdsVersion::V7_4, &mut out).unwrap();
        let Some(Ok(Token::Message(message))) = Tokens::new(&out, TdsVersion::V7_4).next() else { panic!() };
        assert_eq!(message.text, "𝄞".repeat(1024));
    }
}
