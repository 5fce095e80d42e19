//! What real clients say before and at their log-in, captured and replayed: FreeTDS 1.3.17 (`tsql`, with version 7.4 and 7.1),
//! pymssql 2.4.6 and tedious 19.2, each with the user `cap`, a throw-away password, and without TLS; and the messages that the
//! specification prints. All are in the corpus of the fuzz targets.

use mayfly_protocol::tds::{
    Encryption, Prelogin, TdsVersion,
    data::{DataType, DateTime, Value},
    frame::{Framer, MAX_LOGIN_LEN, Message, MessageReader, PacketType, Packets, Sender},
    login::{FeatureId, Login},
    request::{Batch, Procedure, Rpc},
    token::{Column, Done, DoneKind, DoneStatus, Token, Tokens},
};

macro_rules! corpus {
    ($path:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/", $path))
    };
}

/// All messages of a stream, which has to end at a boundary.
fn messages(mut stream: &[u8]) -> Vec<Message> {
    let (mut reader, mut messages) = (MessageReader::new(MAX_LOGIN_LEN), Vec::new());
    while !stream.is_empty() {
        let (taken, message) = reader.push(stream).unwrap();
        stream = &stream[taken..];
        messages.extend(message);
    }
    assert!(reader.at_boundary());
    messages
}

/// A captured client: what it says first, and its log-in.
fn client(wire: &[u8]) -> [Message; 2] {
    let messages: [Message; 2] = messages(wire).try_into().unwrap();
    assert_eq!([messages[0].kind, messages[1].kind], [PacketType::Prelogin, PacketType::Login]);
    messages
}

#[test]
fn clients_say_what_they_can() {
    for (wire, encryption, instance, mars) in [
        (&corpus!("tds_client/tsql")[..], Encryption::NotSupported, &b"MSSQLServer"[..], Some(false)),
        (corpus!("tds_client/tsql-7.1"), Encryption::NotSupported, b"MSSQLServer", None),
        (corpus!("tds_client/pymssql"), Encryption::NotSupported, b"MSSQLServer", Some(false)),
        (corpus!("tds_client/tedious"), Encryption::NotSupported, b"", Some(false)),
    ] {
        let [message, _] = client(wire);
        let prelogin = Prelogin::decode(&message.data).unwrap();
        assert_eq!((prelogin.encryption, prelogin.instance, prelogin.mars), (Some(encryption), Some(instance), mars));
        let mut again = Vec::new();
        prelogin.encode(&mut again).unwrap();
        assert_eq!(Prelogin::decode(&again), Ok(prelogin));
    }
    let [message] = messages(corpus!("tds_client/manual-prelogin")).try_into().unwrap();
    let prelogin = Prelogin::decode(&message.data).unwrap();
    let expected = Prelogin {
        encryption: Some(Encryption::On),
        instance: Some(b""),
        thread_id: Some([0xb8, 0x0d, 0, 0]),
        mars: Some(true),
        ..Prelogin::of_version([9, 0, 0, 0, 0, 0])
    };
    assert_eq!(prelogin, expected);
    let (mut again, mut packet) = (Vec::new(), Vec::new());
    prelogin.encode(&mut again).unwrap();
    Packets::of(PacketType::Prelogin).encode(&again, &mut packet);
    assert_eq!(packet, corpus!("tds_client/manual-prelogin"));
}

#[test]
fn clients_log_in_and_their_log_ins_are_written_as_they_were() {
    for (wire, version, application, database, read_only) in [
        (&corpus!("tds_client/tsql")[..], TdsVersion::V7_4, "TSQL", "master", false),
        (corpus!("tds_client/tsql-7.1"), TdsVersion::V7_1, "TSQL", "", false),
        (corpus!("tds_client/pymssql"), TdsVersion::V7_4, "pymssql=2.4.6", "master", true),
        (corpus!("tds_client/tedious"), TdsVersion::V7_4, "Tedious", "master", true),
    ] {
        let [_, message] = client(wire);
        let login = Login::decode(&message.data).unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("cap", "capture"));
        assert_eq!((login.version, login.application.as_str()), (version, application));
        assert_eq!((login.database.as_str(), login.flags.is_read_only()), (database, read_only));
        assert!(login.flags.is_usual() && !login.flags.is_integrated() && !login.flags.changes_password());
        assert_eq!(login.features.get(FeatureId::UTF8).is_some(), version.is_7_4());
        assert!(login.features.get(FeatureId::FEDERATED).is_none());
        let mut again = Vec::new();
        login.encode(&mut again).unwrap();
        // Byte for byte, but for the place of fields that are empty, which FreeTDS gives as 0 in 7.1.
        let empty_places = if version.is_7_4() { 0..0 } else { 56..58 };
        let same =
            again.iter().zip(&**message.data).enumerate().filter(|(at, (a, b))| a == b || empty_places.contains(at));
        assert_eq!((same.count(), again.len()), (message.data.len(), message.data.len()), "{application}");
    }
}

#[test]
fn what_a_broker_has_to_refuse_is_told_apart() {
    let login = |wire: &[u8]| Login::decode(&messages(wire).remove(0).data).unwrap();
    let changing = login(corpus!("tds_client/new-password"));
    assert!(changing.flags.changes_password());
    assert_eq!(changing.new_password.as_str(), "other");
    let integrated = login(corpus!("tds_client/integrated"));
    assert!(integrated.flags.is_integrated());
    assert_eq!(integrated.token, b"NTLMSSP\0");
    assert!(login(corpus!("tds_client/federated")).features.get(FeatureId::FEDERATED).is_some());
    let strict = login(corpus!("tds_client/features"));
    assert!(strict.version.is_strict() && strict.flags.is_read_only());
    assert_eq!(strict.features.0.len(), 3);
}

#[test]
fn a_server_answers_statements() {
    // Section 4.7 of the specification.
    let [message] = messages(corpus!("tds_server/manual-batch")).try_into().unwrap();
    let tokens: Vec<Token> = Tokens::new(&message.data, TdsVersion::V7_4).collect::<Result<_, _>>().unwrap();
    let rows = Done { kind: DoneKind::Statement, status: DoneStatus::COUNT, command: 0xc1, rows: 1 };
    let expected = [
        Token::Columns(vec![Column::new("bar", DataType::ByteText(Some(3)))]),
        Token::Row(vec![Value::Text("foo".to_owned())]),
        Token::Done(rows),
    ];
    assert_eq!(tokens, expected);
}

#[test]
fn requests_are_written_as_the_specification_prints_them() {
    // Section 4.3 of MC-SMP, without its wrap.
    let wire = corpus!("tds_requests/manual-batch");
    let [message] = messages(wire).try_into().unwrap();
    let batch = Batch::decode(&message.data, TdsVersion::V7_4).unwrap();
    assert_eq!(batch, Batch::new("SET QUOTED_IDENTIFIER OFF"));
    let (mut data, mut again) = (Vec::new(), Vec::new());
    batch.encode(TdsVersion::V7_4, &mut data);
    Packets::of(PacketType::Batch).encode(&data, &mut again);
    assert_eq!(again, wire);
}

/// What a client asks for in this order: statements as they are, calls with their parameters.
fn requests(wire: &[u8]) -> (Vec<String>, Vec<Rpc>) {
    let (mut statements, mut calls) = (Vec::new(), Vec::new());
    for message in messages(wire) {
        match message.kind {
            PacketType::Batch => statements.push(Batch::decode(&message.data, TdsVersion::V7_4).unwrap().sql),
            PacketType::Rpc => {
                let (transaction, more) = Rpc::decode(&message.data, TdsVersion::V7_4).unwrap();
                let mut again = Vec::new();
                Rpc::encode(&more, transaction, TdsVersion::V7_4, &mut again).unwrap();
                assert_eq!(Rpc::decode(&again, TdsVersion::V7_4), Ok((transaction, more.clone())));
                calls.extend(more);
            }
            other => panic!("{other:?}"),
        }
    }
    (statements, calls)
}

#[test]
fn clients_ask_with_and_without_parameters() {
    let (statements, calls) = requests(corpus!("tds_requests/tsql"));
    assert_eq!((statements[0].trim_end(), calls.len()), ("SELECT 1", 0));
    let (statements, calls) = requests(corpus!("tds_requests/pymssql"));
    assert!(statements.iter().any(|sql| sql == "SELECT N'é', 5"), "{statements:?}");
    assert_eq!(calls[0].procedure, Procedure::Name("sp_who".to_owned()));
    assert_eq!(calls[0].parameters[0].value, Value::Text("sa".to_owned()));
    let (statements, calls) = requests(corpus!("tds_requests/tedious"));
    assert!(statements[0].contains("set textsize"), "{statements:?}");
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((&first.procedure, &second.procedure), (&Procedure::EXECUTE_SQL, &Procedure::EXECUTE_SQL));
    let values: Vec<&Value> = first.parameters.iter().map(|parameter| &parameter.value).collect();
    assert_eq!(values[0], &Value::Text("SELECT @a, @b, @c, @d, @e, @f".to_owned()));
    let expected = [Value::Int(5), Value::Text("hé".to_owned()), Value::Bit(true), Value::Binary(b"ab".to_vec())];
    assert_eq!(values[2..6], expected.iter().collect::<Vec<_>>());
    // 1970-01-01 is day 25,567 of those since 1900.
    assert_eq!(values[6..], [&Value::DateTime(DateTime { days: 25_567, ticks: 0 }), &Value::Float(1.5)]);
    assert_eq!(second.parameters.last().map(|last| last.value.clone()), Some(Value::Text("y".repeat(5000))));
}

#[test]
fn the_relay_follows_requests_wrapped_or_not() {
    let mut framer = Framer::new(Sender::Client);
    let wire = corpus!("tds_framer/requests");
    assert_eq!(framer.follow(wire), Ok(Some(wire.len())));
    let mut framer = Framer::new(Sender::Client);
    assert_eq!(framer.follow(corpus!("tds_framer/manual-mars")), Ok(None));
    assert!(!framer.at_boundary());
}
