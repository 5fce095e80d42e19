//! Targets of the MySQL codecs.

use mayfly_protocol::mysql::{
    Capabilities, Command, EncodeError, Nonce,
    auth::{AuthPlugin, CachingSha2Verifier, Channel, Client, ClientStep, NativeVerifier},
    connect::{FirstPacket, Greeting, MAX_ATTRIBUTES, MAX_DATABASE_LEN, MAX_RESPONSE_LEN, MAX_USER_LEN},
    exchange::{Breach, Exchange, Found, Refusal, Terms},
    frame::{Framer, HEADER_LEN, Header, MAX_PACKET_LEN, Packet, PacketReader, Sequence},
    reply::{AuthReply, ErrPacket, MAX_MESSAGE_LEN},
};

use super::{Rng, fuzz};

/// The cap on payloads that the targets use.
const CAP: usize = 4096;

/// Reads the packets of a stream in random slices. Checks that nothing is taken beyond a packet's end or lost.
fn read(input: &[u8], rng: &mut Rng) -> Vec<Packet> {
    let (mut reader, mut packets, mut rest, mut copy) = (PacketReader::new(CAP), Vec::new(), input, Vec::new());
    while !rest.is_empty() {
        let slice = &rest[..1 + rng.below(rest.len())];
        let wants = reader.wants();
        assert!(wants > 0 && wants <= CAP);
        let Ok((taken, packet)) = reader.push(slice) else { break };
        assert!(taken > 0 && taken <= slice.len());
        assert!(wants <= taken || taken == slice.len(), "it stopped before the end of what it wants");
        rest = &rest[taken..];
        if let Some(packet) = packet {
            copy.extend(&packet.payload.len().to_le_bytes()[..3]);
            copy.push(packet.sequence);
            copy.extend(&*packet.payload);
            assert_eq!(copy.len(), input.len() - rest.len());
            packets.push(packet);
        }
    }
    assert!(input.starts_with(&copy));
    packets
}

#[test]
fn mysql_client() {
    fuzz("mysql_client", |input, rng| {
        for packet in read(input, rng) {
            let (mut again, mut sequence) = (Vec::new(), Sequence::at(packet.sequence));
            let Ok(first) = FirstPacket::decode(&packet.payload) else { continue };
            let (written, asked) = match &first {
                FirstPacket::SslRequest(request) => (request.encode(&mut sequence, &mut again), request.capabilities),
                FirstPacket::Login(login) => {
                    assert!(login.user.len() <= MAX_USER_LEN && !login.user.contains(&0));
                    assert!(login.response.len() <= MAX_RESPONSE_LEN);
                    assert!(login.database.is_none_or(|name| name.len() <= MAX_DATABASE_LEN && !name.contains(&0)));
                    assert!(login.attributes.iter().count() <= MAX_ATTRIBUTES);
                    assert_eq!(login.agreed(Capabilities::SPOKEN) & Capabilities::LOCAL_FILES, Capabilities::default());
                    (login.encode(&mut sequence, &mut again), login.capabilities)
                }
            };
            let spoken = Capabilities::SPOKEN.contains(asked.without(Capabilities::LOCAL_FILES))
                && asked.contains(Capabilities::LONG_PASSWORD);
            if !spoken {
                assert_eq!((written, again.len()), (Err(EncodeError::Capabilities), 0));
            } else if written.is_ok() {
                assert_eq!(FirstPacket::decode(&again[HEADER_LEN..]), Ok(first));
            } else {
                // A client that sends the answer in the form without plugins, which none of ours does.
                assert!(!asked.contains(Capabilities::SECURE_CONNECTION));
            }
        }
    });
}

#[test]
fn mysql_server() {
    fuzz("mysql_server", |input, rng| {
        for packet in read(input, rng) {
            let payload = &**packet.payload;
            if let Ok(greeting) = Greeting::decode(payload) {
                let mut again = Vec::new();
                let spoken = Greeting { capabilities: greeting.capabilities & Capabilities::SPOKEN, ..greeting };
                if spoken.encode(&mut Sequence::new(), &mut again).is_ok() {
                    assert_eq!(Greeting::decode(&again[HEADER_LEN..]), Ok(spoken));
                } else {
                    assert!(!spoken.capabilities.contains(Capabilities::PLUGIN_AUTH));
                }
            }
            for agreed in [Capabilities::SPOKEN, Capabilities::default()] {
                match AuthReply::decode(payload, agreed) {
                    Ok(AuthReply::Ok(ok)) => {
                        let mut again = Vec::new();
                        ok.encode(agreed, &mut Sequence::new(), &mut again).unwrap();
                        assert_eq!(AuthReply::decode(&again[HEADER_LEN..], agreed), Ok(AuthReply::Ok(ok)));
                    }
                    Ok(AuthReply::Err(error)) => {
                        assert!(error.message().len() <= MAX_MESSAGE_LEN);
                        let mut again = Vec::new();
                        error.encode(&mut Sequence::new(), &mut again);
                        assert_eq!(ErrPacket::decode(&again[HEADER_LEN..]), Ok(error));
                    }
                    _ => {}
                }
            }
        }
    });
}

/// Walks through the client's stream one packet at a time. Returns how much may pass, and why not more.
fn reference(stream: &[u8]) -> (usize, Option<Refusal>) {
    let (mut at, mut continues) = (0, false);
    while let Some(head) = stream.get(at..at + HEADER_LEN) {
        let header = Header::decode(head.try_into().unwrap());
        let command = stream.get(at + HEADER_LEN);
        if !continues {
            if header.sequence != 0 {
                return (at, Some(Refusal::NotACommand));
            }
            if header.len == 0 {
                return (at, Some(Refusal::Empty));
            }
            let Some(byte) = command else { return (at, None) };
            match Command::from_byte(*byte) {
                None => return (at, Some(Refusal::Unknown(*byte))),
                Some(command) if !command.is_allowed() => return (at, Some(Refusal::Command(command))),
                Some(_) => {}
            }
        }
        continues = header.len == MAX_PACKET_LEN;
        at += HEADER_LEN + header.len;
    }
    (at.min(stream.len()), None)
}

#[test]
fn mysql_commands() {
    fuzz("mysql_commands", |input, rng| {
        let mut exchange = Exchange::new(Capabilities::SPOKEN, Terms::default());
        let (mut buffer, mut passed, mut rest) = (Vec::new(), 0, input);
        let refusal = 'all: loop {
            if rest.is_empty() {
                break None;
            }
            let (slice, tail) = rest.split_at(1 + rng.below(rest.len()));
            rest = tail;
            buffer.extend_from_slice(slice);
            loop {
                let scan = exchange.from_client(&buffer);
                buffer.drain(..scan.pass);
                passed += scan.pass;
                match scan.found {
                    Found::More => break,
                    Found::Refused(refusal) => break 'all Some(refusal),
                    Found::Kill { kill, len } => {
                        // Zeros in front of the number are left out.
                        assert!(kill.with_id(kill.id()).len() <= len);
                        buffer.drain(..len);
                        passed += len;
                    }
                    Found::Reset { .. } => panic!("nobody has asked for it"),
                }
            }
            assert!(buffer.len() <= HEADER_LEN + 64);
        };
        let (expected, why) = reference(input);
        // The beginning of a short query may still wait for its rest.
        assert!(passed == expected || refusal.is_none() && passed <= expected && expected <= passed + buffer.len());
        assert_eq!(refusal, why);
    });
}

/// What a server says, followed in two ways of cutting it up: the same is found, and nothing is left out.
#[test]
fn mysql_responses() {
    fuzz("mysql_framer", |input, rng| {
        for agreed in [Capabilities::default(), Capabilities::DEPRECATE_EOF] {
            let follow = |pieces: &mut dyn FnMut(usize) -> usize, files| -> Result<u8, (Breach, u8)> {
                let mut exchange = Exchange::new(agreed, Terms { files, resets: false });
                for command in b"\x03\x16\x17\x1c\x04\x0e\x03\x03\x03\x03" {
                    exchange.from_client(&[2, 0, 0, 0, *command, b'x']);
                }
                let (mut at, mut got) = (0, Vec::new());
                while at < input.len() {
                    let to = at + pieces(input.len() - at);
                    let mut chunk = input[at..to].to_vec();
                    let followed = exchange.from_server(&mut chunk);
                    got.extend_from_slice(&chunk[..followed.kept]);
                    if let Some(breach) = followed.breach {
                        assert!(input.starts_with(&got));
                        return Err((breach, exchange.next_sequence()));
                    }
                    at = to;
                }
                assert_eq!(got, input);
                Ok(exchange.next_sequence())
            };
            for files in [false, true] {
                let whole = follow(&mut |left| left, files);
                assert_eq!(follow(&mut |left| 1 + rng.below(left), files), whole);
            }
        }
    });
}

#[test]
fn mysql_framer() {
    fuzz("mysql_framer", |input, rng| {
        let (mut ends, mut at, mut number) = (vec![0], 0, 0);
        while let Some(head) = input.get(at..at + HEADER_LEN) {
            let header = Header::decode(head.try_into().unwrap());
            at += HEADER_LEN + header.len;
            number = header.sequence.wrapping_add(1);
            if header.len < MAX_PACKET_LEN && at <= input.len() {
                ends.push(at);
            }
        }
        let (mut framer, mut from) = (Framer::new(), 0);
        while from < input.len() {
            let to = from + 1 + rng.below(input.len() - from);
            let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
            assert_eq!(framer.follow(&input[from..to]), expected, "in {from}..{to}");
            assert_eq!(framer.at_boundary(), ends.contains(&to), "at {to}");
            from = to;
        }
        assert_eq!(framer.next_sequence(), number);
    });
}

/// The nonces of the two answers in the corpus, which are those of the Go driver's tests for the password `secret`.
const NATIVE: [u8; 20] = [70, 114, 92, 94, 1, 38, 11, 116, 63, 114, 23, 101, 126, 103, 26, 95, 81, 17, 24, 21];
const SHA2: [u8; 20] = [90, 105, 74, 126, 30, 48, 37, 56, 3, 23, 115, 127, 69, 22, 41, 84, 32, 123, 43, 118];

#[test]
fn mysql_answer() {
    let password = b"secret";
    let native = |input: &[u8]| NativeVerifier::from_password(password).accepts(&Nonce::new(&NATIVE).unwrap(), input);
    let sha2 = |input: &[u8]| CachingSha2Verifier::from_password(password).accepts(&Nonce::new(&SHA2).unwrap(), input);
    let genuine = |name: &str| super::corpus("mysql_answer").into_iter().find(|(file, _)| file == name).unwrap().1;
    assert!(native(&genuine("native")) && sha2(&genuine("sha2")));
    fuzz("mysql_answer", |input, _| {
        let password = b"secret";
        if NativeVerifier::from_password(password).accepts(&Nonce::new(&NATIVE).unwrap(), input) {
            assert_eq!(input, AuthPlugin::NativePassword.respond(password, &Nonce::new(&NATIVE).unwrap()));
        }
        if CachingSha2Verifier::from_password(password).accepts(&Nonce::new(&SHA2).unwrap(), input) {
            assert_eq!(input, AuthPlugin::CachingSha2Password.respond(password, &Nonce::new(&SHA2).unwrap()));
        }
    });
}

#[test]
fn mysql_log_in() {
    // A client in clear, whatever the server says: the password does not go out, and it is over after three answers.
    fuzz("mysql_server", |input, rng| {
        let nonce = Nonce::from_random(&[7; 20]);
        let (mut client, _) = Client::start(b"caching_sha2_password", &nonce, b"hunter2", Channel::Clear).unwrap();
        let mut sent = 0;
        for packet in read(input, rng) {
            let Ok(reply) = AuthReply::decode(&packet.payload, Capabilities::SPOKEN) else { return };
            match client.exchange(reply) {
                Ok(ClientStep::Send(payload)) => {
                    sent += 1;
                    assert!(payload.len() == 20 || payload.len() == 32, "no answer to a nonce");
                }
                Ok(ClientStep::Wait) => {}
                Ok(ClientStep::Success | ClientStep::Failure(_)) | Err(_) => return,
            }
            assert!(sent <= 1);
        }
    });
}
