//! Conversations captured between `psql` and real servers (PostgreSQL 15 and 18, user `postgres`, a throw-away password)
//! replayed: our server has to answer as PostgreSQL did and our client as libpq did, byte for byte.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD};
use mayfly_protocol::{
    postgres::{
        ProtocolVersion,
        backend::{Authentication, BackendMessage, NegotiateProtocolVersion, SqlState, TransactionStatus},
        frame::{Framer, Message, MessageReader},
        frontend::{Query, SaslInitialResponse, SaslResponse, tag},
        startup::{FirstPacket, first_packet_body_len},
    },
    scram::{Client, ClientSecret, Mechanism, Nonce, Server, Step, Verifier, offer},
};

/// The password that the captured client used.
const PASSWORD: &[u8] = b"capture";

macro_rules! corpus {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/", $path))
    };
}

/// All messages of a stream, which has to end at a boundary.
fn messages(mut stream: &[u8]) -> Vec<Message> {
    let (mut reader, mut messages) = (MessageReader::new(64 * 1024), Vec::new());
    while !stream.is_empty() {
        let (taken, message) = reader.push(stream).unwrap();
        stream = &stream[taken..];
        messages.extend(message);
    }
    assert!(reader.at_boundary());
    messages
}

fn decode(messages: &[Message], version: ProtocolVersion) -> Vec<BackendMessage<'_>> {
    messages.iter().map(|message| BackendMessage::decode(message.tag, &message.body, version).unwrap()).collect()
}

fn first_packet(wire: &[u8]) -> FirstPacket {
    let (length, body) = wire.split_first_chunk::<4>().unwrap();
    assert_eq!(first_packet_body_len(*length), Ok(body.len()));
    FirstPacket::decode(body).unwrap()
}

#[test]
fn psql_starts_up() {
    for (wire, version) in [
        (&corpus!("startup/15-psql")[..], ProtocolVersion::V3_0),
        (corpus!("startup/18-psql-3.2"), ProtocolVersion::V3_2),
    ] {
        let FirstPacket::Startup(message) = first_packet(wire) else { panic!() };
        assert_eq!(message.version, version);
        let pairs: Vec<_> = message.parameters.iter().collect();
        let expected: [(&[u8], &[u8]); 2] = [(b"user", b"postgres"), (b"database", b"postgres")];
        assert_eq!(pairs[..2], expected);
        assert_eq!(pairs.len(), 3, "and the application's name");
        let mut again = Vec::new();
        message.encode(&mut again).unwrap();
        assert_eq!(again, wire);
    }
}

#[test]
fn libpq_cancels() {
    for (wire, len) in [(&corpus!("startup/15-cancel")[..], 4), (corpus!("startup/18-cancel"), 32)] {
        let FirstPacket::Cancel(request) = first_packet(wire) else { panic!() };
        assert_eq!(request.key.as_bytes().len(), len);
        assert!(request.key.fits(ProtocolVersion::V3_2));
        assert_eq!(request.key.fits(ProtocolVersion::V3_0), len == 4);
    }
}

#[test]
fn a_server_of_15_falls_back_to_3_0() {
    let messages = messages(corpus!("backend/15-psql-3.2"));
    let decoded = decode(&messages, ProtocolVersion::V3_0);
    let expected = NegotiateProtocolVersion { version: ProtocolVersion::V3_0, unknown_options: Vec::new() };
    assert_eq!(decoded[0], BackendMessage::NegotiateProtocolVersion(expected));
}

#[test]
fn handshakes_end_ready() {
    for (wire, version, key_len) in [
        (&corpus!("backend/15-psql")[..], ProtocolVersion::V3_0, 4),
        (corpus!("backend/15-psql-tls"), ProtocolVersion::V3_0, 4),
        (corpus!("backend/18-psql-3.2"), ProtocolVersion::V3_2, 32),
    ] {
        let messages = messages(wire);
        let decoded = decode(&messages, version);
        assert!(decoded.contains(&BackendMessage::Authentication(Authentication::Ok)));
        let key = decoded.iter().find_map(|message| match message {
            BackendMessage::BackendKeyData(data) => Some(data.key.as_bytes().len()),
            _ => None,
        });
        assert_eq!(key, Some(key_len));
        let mut names = decoded.iter().filter_map(|message| match message {
            BackendMessage::ParameterStatus(status) => Some(status.name),
            _ => None,
        });
        assert!(names.any(|name| name == b"server_version"));
        match decoded.last() {
            Some(BackendMessage::ReadyForQuery(ready)) => assert_eq!(ready.status, TransactionStatus::Idle),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_wrong_password_is_told_so() {
    let messages = messages(corpus!("backend/15-wrong-password"));
    let decoded = decode(&messages, ProtocolVersion::V3_0);
    let Some(BackendMessage::Error(fields)) = decoded.last() else { panic!() };
    assert_eq!(fields.code(), Some(SqlState::INVALID_PASSWORD));
    assert_eq!(fields.message(), "password authentication failed for user \"postgres\"");
}

#[test]
fn the_relay_finds_the_boundaries_of_a_session() {
    let wire = corpus!("framer/15-psql-server");
    let mut framer = Framer::new();
    assert_eq!(framer.follow(wire), Ok(Some(wire.len())));
    let client = messages(corpus!("framer/15-psql-client"));
    let queries: Vec<_> = client.iter().filter(|message| message.tag == tag::QUERY).collect();
    assert!(Query::decode(&queries[0].body).unwrap().sql == b"select 1 as one;");
    assert_eq!(client.last().map(|message| message.tag), Some(tag::TERMINATE));
}

/// What both sides said to each other within SASL.
struct Exchange {
    mechanism: String,
    client_first: String,
    server_first: String,
    client_final: String,
    server_final: String,
}

impl Exchange {
    fn of(server: &[u8], client: &[u8], version: ProtocolVersion) -> Self {
        let server = messages(server);
        let data = decode(&server, version).into_iter().filter_map(|message| match message {
            BackendMessage::Authentication(Authentication::SaslContinue(data) | Authentication::SaslFinal(data)) => {
                Some(String::from_utf8(data.to_vec()).unwrap())
            }
            _ => None,
        });
        let [server_first, server_final] = <[String; 2]>::try_from(data.collect::<Vec<_>>()).unwrap();
        let client = messages(client);
        let initial = SaslInitialResponse::decode(&client[0].body).unwrap();
        Self {
            mechanism: initial.mechanism.to_owned(),
            client_first: String::from_utf8(initial.data.unwrap().to_vec()).unwrap(),
            client_final: String::from_utf8(SaslResponse::decode(&client[1].body).data.to_vec()).unwrap(),
            server_first,
            server_final,
        }
    }

    /// The value of an attribute of one of the messages.
    fn attribute<'a>(message: &'a str, name: &str) -> &'a str {
        message.split(',').find_map(|part| part.strip_prefix(name)).unwrap()
    }

    /// Plays both sides with the nonces, the salt and the channel binding that were captured.
    fn replay(&self) {
        let client_nonce = Self::attribute(&self.client_first, "r=");
        let server_nonce = Self::attribute(&self.server_first, "r=").strip_prefix(client_nonce).unwrap();
        let salt = STANDARD.decode(Self::attribute(&self.server_first, "s=")).unwrap();
        let iterations: NonZeroU32 = Self::attribute(&self.server_first, "i=").parse().unwrap();
        let bound = STANDARD.decode(Self::attribute(&self.client_final, "c=")).unwrap();
        let hash = bound.strip_prefix(b"p=tls-server-end-point,,");
        let mechanism = Mechanism::from_name(&self.mechanism).unwrap();

        let verifier = Verifier::from_password(PASSWORD, &salt, iterations);
        let server = Server::new(mechanism, verifier, Nonce::from_text(server_nonce).unwrap(), hash).unwrap();
        let Step::Continue { next, reply } = server.exchange(self.client_first.as_bytes()).unwrap() else { panic!() };
        assert_eq!(reply, self.server_first.as_bytes());
        let Step::Success { reply, .. } = next.exchange(self.client_final.as_bytes()).unwrap() else { panic!() };
        assert_eq!(reply, self.server_final.as_bytes());

        let nonce = Nonce::from_text(client_nonce).unwrap();
        let secret = ClientSecret::from_password(PASSWORD);
        let (client, first) = Client::start(offer(hash.is_some()), hash, secret, nonce, iterations).unwrap();
        assert_eq!(client.mechanism(), mechanism);
        assert_eq!(first, self.client_first.as_bytes());
        let Step::Continue { next, reply } = client.exchange(self.server_first.as_bytes()).unwrap() else { panic!() };
        assert_eq!(reply, self.client_final.as_bytes());
        assert!(matches!(next.exchange(self.server_final.as_bytes()), Ok(Step::Success { .. })));
    }
}

#[test]
fn scram_is_that_of_postgresql_and_libpq() {
    let (v3_0, v3_2) = (ProtocolVersion::V3_0, ProtocolVersion::V3_2);
    Exchange::of(corpus!("backend/15-psql"), corpus!("frontend/15-psql"), v3_0).replay();
    Exchange::of(corpus!("backend/18-psql-3.2"), corpus!("frontend/18-psql-3.2"), v3_2).replay();
    let bound = Exchange::of(corpus!("backend/15-psql-tls"), corpus!("frontend/15-psql-tls"), v3_0);
    assert_eq!(bound.mechanism, "SCRAM-SHA-256-PLUS");
    bound.replay();
}
