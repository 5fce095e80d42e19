//! Targets of the TDS codecs.

use mayfly_protocol::tds::{
    DecodeError, EncodeError, MAX_PRELOGIN_LEN, Prelogin, TdsVersion,
    data::MAX_VALUE_LEN,
    frame::{
        Framer, HEADER_LEN, Header, MAX_PACKET_LEN, Message, MessageReader, PacketType, SMP_HEADER_LEN, SMP_ID, Sender,
        Status,
    },
    login::{Login, MAX_FEATURES, MAX_FIELD_LEN},
    request::{Batch, MAX_CALLS, MAX_PARAMETERS, Rpc},
    token::{Column, EnvChange, MAX_COLUMNS, Token, Tokens, encode_features_ack, encode_return_status},
};

use super::{Rng, fuzz};

/// The cap on messages that the targets use.
const CAP: usize = 4096;

/// The versions whose messages look different.
const VERSIONS: [TdsVersion; 3] = [TdsVersion::V7_1, TdsVersion::V7_4, TdsVersion::V8_0];

/// Reads the messages of a stream in random slices. Checks that nothing is taken beyond a packet's end.
fn read(input: &[u8], rng: &mut Rng) -> Vec<Message> {
    let (mut reader, mut messages, mut rest) = (MessageReader::new(CAP), Vec::new(), input);
    while !rest.is_empty() {
        let slice = &rest[..1 + rng.below(rest.len())];
        let wants = reader.wants();
        assert!(wants > 0 && wants <= CAP.max(HEADER_LEN));
        let Ok((taken, message)) = reader.push(slice) else { break };
        assert!(taken > 0 && taken <= slice.len());
        assert!(wants <= taken || taken == slice.len(), "it stopped before the end of what it wants");
        rest = &rest[taken..];
        if let Some(message) = message {
            assert!(message.data.len() <= CAP && reader.at_boundary());
            messages.push(message);
        }
    }
    let size: usize = messages.iter().map(|message| message.data.len() + HEADER_LEN).sum();
    assert!(size <= input.len());
    messages
}

#[test]
fn tds_client() {
    fuzz("tds_client", |input, rng| {
        for message in read(input, rng) {
            let (data, mut again) = (&**message.data, Vec::new());
            if let Ok(prelogin) = Prelogin::decode(data) {
                assert!(data.len() <= MAX_PRELOGIN_LEN);
                match prelogin.encode(&mut again) {
                    Ok(()) => assert_eq!(Prelogin::decode(&again), Ok(prelogin)),
                    Err(_) => assert!(prelogin.trace_id.is_some_and(|id| id.len() > 256)),
                }
                again.clear();
            }
            let Ok(login) = Login::decode(data) else { continue };
            assert!(login.user.encode_utf16().count() <= MAX_FIELD_LEN);
            assert!(login.features.0.len() <= MAX_FEATURES);
            assert!(login.token.len() <= data.len());
            match login.encode(&mut again) {
                // Features that were announced and are none are not announced again.
                Ok(()) => {
                    let flags = login.flags.features(!login.features.is_empty());
                    assert_eq!(Login::decode(&again), Ok(Login { flags, ..login }));
                }
                Err(EncodeError::Flags) => {
                    let changes = login.flags.changes_password() == login.new_password.is_empty();
                    assert!(changes || login.flags.is_integrated() == login.token.is_empty());
                }
                Err(EncodeError::Version) => assert!(!login.version.is_7_4()),
                // The same bytes may have served several fields.
                Err(error) => assert_eq!(error, EncodeError::TooLong),
            }
        }
    });
}

/// Writes a token again; `None` for those of which something is not kept.
fn encode(token: &Token, version: TdsVersion) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match token {
        Token::LoginAck(ack) => ack.encode(&mut out).unwrap(),
        Token::FeaturesAck(features) => encode_features_ack(features, &mut out).unwrap(),
        Token::EnvChange(EnvChange::Other(_)) => return None,
        Token::EnvChange(change) => change.encode(&mut out).unwrap(),
        // Long texts are cut.
        Token::Message(message) if message.text.len() > 1000 => return None,
        Token::Message(message) => message.encode(version, &mut out).unwrap(),
        Token::ReturnStatus(status) => encode_return_status(*status, &mut out),
        Token::Done(done) => done.encode(version, &mut out),
        Token::Columns(columns) => {
            Column::encode(columns, version, &mut out).unwrap();
            // That their values cannot be NULL is not kept.
            return None;
        }
        Token::Row(_) | Token::ReturnValue(..) | Token::MoreAuthentication | Token::Skipped => return None,
    }
    Some(out)
}

#[test]
fn tds_server() {
    fuzz("tds_server", |input, rng| {
        for message in read(input, rng) {
            for version in VERSIONS {
                let mut tokens = Tokens::new(&message.data, version);
                let mut count = 0;
                while let Some(token) = tokens.next() {
                    count += 1;
                    assert!(count <= message.data.len(), "tokens come of nothing");
                    let Ok(token) = token else {
                        assert!(tokens.next().is_none(), "it goes on after an error");
                        break;
                    };
                    if let Token::Columns(columns) = &token {
                        assert!(columns.len() <= MAX_COLUMNS);
                    }
                    let Some(again) = encode(&token, tokens.version()) else { continue };
                    let back: Vec<_> = Tokens::new(&again, tokens.version()).collect();
                    assert_eq!(back, [Ok(token)]);
                }
            }
        }
    });
}

#[test]
fn tds_requests() {
    fuzz("tds_requests", |input, rng| {
        for message in read(input, rng) {
            for version in VERSIONS {
                let mut again = Vec::new();
                if let Ok(batch) = Batch::decode(&message.data, version) {
                    assert!(batch.sql.len() <= 2 * message.data.len());
                    batch.encode(version, &mut again);
                    assert_eq!(Batch::decode(&again, version), Ok(batch));
                    again.clear();
                }
                let Ok((transaction, calls)) = Rpc::decode(&message.data, version) else { continue };
                assert!(!calls.is_empty() && calls.len() <= MAX_CALLS);
                assert!(calls.iter().all(|call| call.parameters.len() <= MAX_PARAMETERS));
                // Small numbers and texts of one byte a character are not written, and lengths are not kept.
                if Rpc::encode(&calls, transaction, version, &mut again).is_ok()
                    && !format!("{calls:?}").contains("NaN")
                {
                    assert!(again.len() <= 64 + MAX_VALUE_LEN + 40 * message.data.len());
                    assert_eq!(Rpc::decode(&again, version), Ok((transaction, calls)));
                }
            }
        }
    });
}

/// Where messages end, found one packet at a time, and the offset at which the protocol was broken at the latest.
fn reference(stream: &[u8], sender: Sender) -> (Vec<usize>, Option<usize>) {
    let (mut ends, mut at, mut wrapped) = (vec![0], 0, false);
    let allowed = |kind: PacketType| match sender {
        Sender::Client => kind.is_request(),
        Sender::Server => kind == PacketType::Result,
    };
    while at < stream.len() {
        let mut body = None;
        if stream[at] == SMP_ID {
            (wrapped, ends) = (true, ends.into_iter().take_while(|end| *end <= at).collect());
            let Some(head) = stream.get(at..at + SMP_HEADER_LEN) else { return (ends, None) };
            let length = u32::from_le_bytes(head[4..8].try_into().unwrap()) as usize;
            let empty = [1, 2, 4].contains(&head[1]) && length == SMP_HEADER_LEN;
            let packet = SMP_HEADER_LEN + HEADER_LEN..=SMP_HEADER_LEN + MAX_PACKET_LEN;
            if !(empty || (head[1] == 8 && packet.contains(&length))) {
                return (ends, Some(at + SMP_HEADER_LEN));
            }
            at += SMP_HEADER_LEN;
            if empty {
                continue;
            }
            body = Some(length - SMP_HEADER_LEN);
        } else if wrapped {
            return (ends, Some(at + 1));
        }
        let Some(kind) = stream.get(at) else { return (ends, None) };
        if !PacketType::from_byte(*kind).is_some_and(allowed) {
            return (ends, Some(at + 1));
        }
        let Some(head) = stream.get(at..at + HEADER_LEN) else { return (ends, None) };
        let Ok(header) = Header::decode(head.try_into().unwrap()) else { return (ends, Some(at + HEADER_LEN)) };
        if body.is_some_and(|len| len != header.len + HEADER_LEN) {
            return (ends, Some(at + HEADER_LEN));
        }
        at += HEADER_LEN + header.len;
        if header.status.contains(Status::END) && !wrapped && at <= stream.len() {
            ends.push(at);
        }
    }
    (ends, None)
}

#[test]
fn tds_framer() {
    fuzz("tds_framer", |input, rng| {
        for sender in [Sender::Client, Sender::Server] {
            let (ends, violation) = reference(input, sender);
            let (mut framer, mut from) = (Framer::new(sender), 0);
            let broke = loop {
                if from == input.len() {
                    break None;
                }
                let most = 1 + rng.below(200);
                let to = from + 1 + rng.below(most.min(input.len() - from));
                match framer.follow(&input[from..to]) {
                    Ok(last) => {
                        // Behind a wrap, no place that was one before is offered any more.
                        let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
                        assert!(
                            last == expected || last.is_none() && input[from..to].contains(&SMP_ID),
                            "{from}..{to}"
                        );
                        assert!(!framer.at_boundary() || ends.contains(&to), "at {to}");
                    }
                    Err(error) => {
                        assert!(matches!(
                            error,
                            DecodeError::Length(_) | DecodeError::PacketType(_) | DecodeError::Value
                        ));
                        assert!(framer.follow(&[]).is_err() && !framer.at_boundary());
                        break Some((from, to));
                    }
                }
                from = to;
            };
            match (broke, violation) {
                (None, None) => {}
                (Some((from, to)), Some(at)) => assert!((from + 1..=to).contains(&at), "{at} is not in {from}..{to}"),
                (broke, violation) => panic!("{broke:?} {violation:?}"),
            }
        }
    });
}
