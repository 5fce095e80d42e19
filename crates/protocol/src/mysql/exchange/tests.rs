//! Both directions, with streams in pieces of any size: what passes, what is refused, what is left out, and which number an error has.

use proptest::prelude::*;

use super::*;
use crate::mysql::{
    frame::{HEADER_LEN, MAX_PACKET_LEN, Sequence, encode},
    reply::{ErrPacket, ErrorCode},
};

const EOF_BITS: Capabilities = Capabilities::DEPRECATE_EOF;

fn exchange(agreed: Capabilities) -> Exchange {
    Exchange::new(agreed, Terms::default())
}

fn packet(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(payload, &mut Sequence::new(), &mut out);
    out
}

/// A response: its packets, numbered from 1.
fn response(payloads: &[&[u8]]) -> Vec<u8> {
    let (mut out, mut sequence) = (Vec::new(), Sequence::at(1));
    for payload in payloads {
        encode(payload, &mut sequence, &mut out);
    }
    out
}

/// Hands the client's stream over in slices, keeping back what may not pass yet. Returns what passed, and what was found.
fn upward(exchange: &mut Exchange, stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Found) {
    let (mut buffer, mut passed, mut from) = (Vec::new(), Vec::new(), 0);
    for to in cuts.iter().copied().chain([stream.len()]) {
        buffer.extend_from_slice(&stream[from..to]);
        from = to;
        let scan = exchange.from_client(&buffer);
        passed.extend(buffer.drain(..scan.pass));
        if scan.found != Found::More {
            if matches!(scan.found, Found::Refused(_)) {
                assert_eq!(exchange.from_client(&buffer), Scan { pass: 0, ..scan.clone() }, "a refusal stays");
            }
            return (passed, scan.found);
        }
        assert!(buffer.len() <= HEADER_LEN + kill::MAX_KILL_LEN, "more is kept than has to be");
    }
    (passed, Found::More)
}

/// Hands the server's stream over in slices. Returns what the client gets.
fn downward(exchange: &mut Exchange, stream: &[u8], cuts: &[usize]) -> Result<Vec<u8>, Breach> {
    let (mut got, mut from) = (Vec::new(), 0);
    for to in cuts.iter().copied().chain([stream.len()]) {
        let mut chunk = stream[from..to].to_vec();
        from = to;
        let followed = exchange.from_server(&mut chunk);
        got.extend_from_slice(&chunk[..followed.kept]);
        if let Some(breach) = followed.breach {
            return Err(breach);
        }
    }
    Ok(got)
}

fn sorted(cuts: &[prop::sample::Index], len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const OK_MORE: &[u8] = b"\0\0\0\x0a\0\0\0";
const EOF: &[u8] = b"\xfe\0\0\x02\0";
const EOF_MORE: &[u8] = b"\xfe\0\0\x0a\0";
const OK_AS_EOF: &[u8] = b"\xfe\0\0\x02\0\0\0";
const ERR: &[u8] = b"\xff\x15\x04#28000no";
const COLUMN: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
/// A row whose first value is NULL looks like a wish for a file.
const NULL_ROW: &[u8] = b"\xfb\x01x";

/// What was agreed, a command, and responses to it.
type Conversation = (Capabilities, &'static [u8], Vec<Vec<u8>>);

/// Every kind of command with each kind of response, without and with `DEPRECATE_EOF`.
fn conversations() -> Vec<Conversation> {
    let old = Capabilities::default();
    vec![
        (old, b"\x03q", vec![response(&[OK]), response(&[ERR]), response(&[OK_MORE, OK_MORE, OK])]),
        (
            old,
            b"\x03q",
            vec![
                response(&[b"\x02", COLUMN, COLUMN, EOF, NULL_ROW, NULL_ROW, EOF]),
                response(&[b"\x01", COLUMN, EOF, EOF]),
                response(&[b"\x01", COLUMN, EOF, NULL_ROW, ERR]),
                response(&[b"\x01", COLUMN, EOF, NULL_ROW, EOF_MORE, OK_MORE, b"\x01", COLUMN, EOF, EOF_MORE, ERR]),
            ],
        ),
        (
            EOF_BITS,
            b"\x03q",
            vec![
                response(&[b"\x02", COLUMN, COLUMN, NULL_ROW, NULL_ROW, OK_AS_EOF]),
                response(&[b"\x01", COLUMN, OK_AS_EOF]),
                response(&[b"\x01", COLUMN, b"\xfe\0\0\x0a\0\0\0", OK]),
            ],
        ),
        // A cursor: no rows behind the columns.
        (old, b"\x17....", vec![response(&[b"\x01", COLUMN, b"\xfe\0\0\x42\0"])]),
        (EOF_BITS, b"\x17....", vec![response(&[b"\x01", COLUMN, b"\xfe\0\0\x42\0\0\0"])]),
        (old, b"\x1c....", vec![response(&[b"\0\0x", b"\0\0y", EOF]), response(&[ERR])]),
        (
            old,
            b"\x16q",
            vec![
                response(&[b"\0\x01\0\0\0\0\0\0\0\0\0\0"]),
                response(&[b"\0\x01\0\0\0\x01\0\x02\0\0\0\0", COLUMN, COLUMN, EOF, COLUMN, EOF]),
                response(&[b"\0\x01\0\0\0\x01\0\0\0\0\0\0", COLUMN, EOF]),
                response(&[ERR]),
            ],
        ),
        (
            EOF_BITS,
            b"\x16q",
            vec![
                response(&[b"\0\x01\0\0\0\x01\0\x02\0\0\0\0", COLUMN, COLUMN, COLUMN]),
                response(&[b"\0\x01\0\0\0\0\0\x01\0\0\0\0", COLUMN]),
            ],
        ),
        (old, b"\x04t\0", vec![response(&[COLUMN, COLUMN, EOF]), response(&[ERR])]),
        (old, b"\x09", vec![response(&[b"Uptime: 1"]), response(&[b"\xfbUptime"])]),
        (old, b"\x0e", vec![response(&[OK])]),
        (old, b"\x1b\0\0", vec![response(&[EOF])]),
    ]
}

proptest! {
    #[test]
    fn everything_up_to_the_refused_command_passes(
        allowed in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        refused in prop::sample::select(&[0x11u8, 0x12, 0x1e, 0x00, 0x22, 0xff][..]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut stream = Vec::new();
        for body in &allowed {
            stream.extend(packet(&[b"\x16", body.as_slice()].concat()));
        }
        let clean = stream.clone();
        stream.extend(packet(&[refused, b'x']));
        let mut cuts = sorted(&cuts, stream.len());
        let expected = match Command::from_byte(refused) {
            Some(command) => Refusal::Command(command),
            None => Refusal::Unknown(refused),
        };
        let got = upward(&mut exchange(EOF_BITS), &stream, &cuts);
        prop_assert_eq!(got, (clean.clone(), Found::Refused(expected)));
        cuts.retain(|cut| *cut <= clean.len());
        prop_assert_eq!(upward(&mut exchange(EOF_BITS), &clean, &cuts), (clean, Found::More));
    }

    #[test]
    fn responses_are_followed_whatever_the_pieces(
        which in any::<prop::sample::Index>(),
        times in 1usize..4,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let conversations = conversations();
        let (agreed, command, responses) = &conversations[which.index(conversations.len())];
        for response in responses {
            let mut exchange = exchange(*agreed);
            let (mut commands, mut stream) = (Vec::new(), Vec::new());
            for _ in 0..times {
                commands.extend(packet(command));
                stream.extend_from_slice(response);
            }
            prop_assert_eq!(upward(&mut exchange, &commands, &[]).0, commands);
            let cuts = sorted(&cuts, stream.len());
            prop_assert_eq!(downward(&mut exchange, &stream, &cuts), Ok(stream));
            prop_assert!(exchange.awaited.is_empty() && exchange.down.state.is_none());
            prop_assert_eq!(exchange.next_sequence(), 1);
        }
    }

    #[test]
    fn what_answers_the_relay_itself_is_left_out(
        which in any::<prop::sample::Index>(),
        own in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let conversations: Vec<_> =
            conversations().into_iter().filter(|(agreed, ..)| *agreed == Capabilities::default()).collect();
        let (_, command, responses) = &conversations[which.index(conversations.len())];
        let (_, _, owns) = &conversations[own.index(2)];
        for (theirs, ours) in responses.iter().zip(owns.iter().cycle()) {
            let mut exchange = exchange(Capabilities::default());
            upward(&mut exchange, &packet(command), &[]);
            exchange.insert(Command::Query);
            upward(&mut exchange, &packet(b"\x0e"), &[]);
            let pong = response(&[OK]);
            let stream = [theirs.as_slice(), ours, &pong].concat();
            let cuts = sorted(&cuts, stream.len());
            prop_assert_eq!(downward(&mut exchange, &stream, &cuts), Ok([theirs.as_slice(), &pong].concat()));
        }
    }

    #[test]
    fn nothing_panics(
        agreed: u32,
        client in prop::collection::vec(any::<u8>(), 0..200),
        server in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let terms = Terms { files: true, resets: true };
        let mut exchange = Exchange::new(Capabilities::from_bits(agreed), terms);
        for command in [1u8, 3, 4, 9, 0x16, 0x17, 0x1c] {
            exchange.from_client(&packet(&[command, b'x']));
        }
        exchange.from_client(&client);
        let mut server = server;
        exchange.from_server(&mut server);
        let _ = exchange.next_sequence();
    }
}

#[test]
fn a_server_that_asks_for_a_file_is_found_at_every_place() {
    let wish = b"\xfb/etc/passwd";
    for payloads in [
        &[&wish[..]][..],
        &[OK_MORE, wish],
        &[b"\x01", COLUMN, EOF, NULL_ROW, EOF_MORE, wish],
        &[b"\x01", COLUMN, EOF, NULL_ROW, EOF_MORE, OK_MORE, wish],
    ] {
        let mut exchange = exchange(Capabilities::default());
        upward(&mut exchange, &packet(b"\x03q"), &[]);
        assert_eq!(downward(&mut exchange, &response(payloads), &[]), Err(Breach::File));
    }
    // 254 packets before it, so that the file's first packet has the number of a command.
    let mut exchange = exchange(Capabilities::default());
    upward(&mut exchange, &packet(b"\x03q"), &[]);
    let mut payloads = vec![OK_MORE; 254];
    payloads.push(wish);
    assert_eq!(downward(&mut exchange, &response(&payloads), &[]), Err(Breach::File));
}

#[test]
fn a_file_passes_where_it_is_allowed_and_commands_begin_again_behind_it() {
    let mut exchange = Exchange::new(EOF_BITS, Terms { files: true, resets: false });
    upward(&mut exchange, &packet(b"\x03LOAD DATA LOCAL"), &[]);
    // Nothing before the server has asked.
    assert_eq!(exchange.from_client(b"\x04\0\0\x02root").found, Found::Refused(Refusal::NotACommand));
    downward(&mut exchange, &response(&[b"\xfbfile"]), &[]).unwrap();
    assert_eq!(exchange.next_sequence(), 2);
    // Content that looks like a command, and the end.
    let file = b"\x03\0\0\x02\x11ab\x01\0\0\x03x\0\0\0\x04";
    assert_eq!(upward(&mut exchange, file, &[2, 9]), (file.to_vec(), Found::More));
    assert_eq!(exchange.next_sequence(), 5);
    assert_eq!(exchange.from_client(b"\x04\0\0\x05root").found, Found::Refused(Refusal::NotACommand));
    let (mut answer, mut sequence) = (Vec::new(), Sequence::at(5));
    encode(OK, &mut sequence, &mut answer);
    assert_eq!(downward(&mut exchange, &answer, &[]), Ok(answer.clone()));
    assert_eq!(exchange.next_sequence(), 1);
    assert_eq!(upward(&mut exchange, b"\x01\0\0\0\x0e", &[]).1, Found::More);
}

#[test]
fn a_file_for_a_server_that_did_not_ask_is_no_command() {
    for (stream, passed, refusal) in [
        (&b"\x02\0\0\0\x03x\x04\0\0\x02root"[..], 6, Refusal::NotACommand),
        (b"\0\0\0\x02", 0, Refusal::NotACommand),
        (b"\0\0\0\0", 0, Refusal::Empty),
    ] {
        let got = upward(&mut exchange(EOF_BITS), stream, &[]);
        assert_eq!(got, (stream[..passed].to_vec(), Found::Refused(refusal)));
    }
}

#[test]
fn continued_packets_have_no_command() {
    // The second packet begins with the byte of COM_CHANGE_USER, and has number 1.
    let mut payload = vec![0x11; MAX_PACKET_LEN + 5];
    payload[0] = 0x03;
    let stream = packet(&payload);
    let mut exchange = exchange(EOF_BITS);
    let got = upward(&mut exchange, &stream, &[9, MAX_PACKET_LEN, MAX_PACKET_LEN + 6]);
    assert_eq!(got, (stream, Found::More));
    // The response has the number behind the last packet.
    assert_eq!(exchange.next_sequence(), 2);
}

#[test]
fn long_rows_are_one_message() {
    let mut exchange = exchange(Capabilities::default());
    upward(&mut exchange, &packet(b"\x03q"), &[]);
    // A value of more than 16 MiB has its length in eight bytes, the first of which is that of EOF; and what stands in the
    // second packet looks like the end.
    let mut row = vec![0xfe; MAX_PACKET_LEN + 5];
    row[..9].copy_from_slice(b"\xfe\xfb\xff\xff\0\0\0\0\0");
    row[MAX_PACKET_LEN..].copy_from_slice(EOF);
    let stream = response(&[b"\x01", COLUMN, EOF, &row, NULL_ROW, EOF]);
    let got = downward(&mut exchange, &stream, &[100, MAX_PACKET_LEN, MAX_PACKET_LEN + 50]).unwrap();
    assert!(got == stream);
    assert_eq!(exchange.down.state, None);
}

#[test]
fn an_error_of_ours_has_the_number_that_the_client_expects() {
    let mut exchange = exchange(Capabilities::default());
    assert_eq!(exchange.next_sequence(), 1, "a client that has said nothing reads it behind its first command");
    upward(&mut exchange, &packet(b"\x03q"), &[]);
    assert_eq!(exchange.next_sequence(), 1);
    let stream = response(&[b"\x01", COLUMN, EOF, NULL_ROW, NULL_ROW]);
    downward(&mut exchange, &stream, &[]).unwrap();
    assert_eq!(exchange.next_sequence(), 6);
    // A row that has begun and is held back: the error stands in its place.
    downward(&mut exchange, b"\x03\0\0\x06\xfb", &[]).unwrap();
    assert_eq!(exchange.next_sequence(), 6);
    downward(&mut exchange, b"\x01x\x05\0\0\x07\xfe\0\0\x02\0", &[]).unwrap();
    assert_eq!(exchange.next_sequence(), 1);
    // What a server says unasked, as when it is shut down, passes.
    let mut farewell = Vec::new();
    ErrPacket::new(ErrorCode::SERVER_SHUTDOWN, "bye").encode(&mut Sequence::new(), &mut farewell);
    assert_eq!(downward(&mut exchange, &farewell, &[]), Ok(farewell.clone()));
}

#[test]
fn kills_and_resets_are_handed_out() {
    let terms = Terms { files: false, resets: true };
    let mut exchange = Exchange::new(EOF_BITS, terms);
    let stream = [packet(b"\x0e"), packet(b"\x03KILL QUERY 7")].concat();
    let (passed, found) = upward(&mut exchange, &stream, &[5, 9, 12]);
    assert_eq!(passed, packet(b"\x0e"));
    let Found::Kill { kill, len } = found else { panic!("{found:?}") };
    assert_eq!((kill.id(), len), (7, 17));
    let found = upward(&mut exchange, &packet(b"\x0c\x07\0\0\0"), &[]).1;
    assert!(matches!(found, Found::Kill { kill, len: 9 } if kill.id() == 7));
    assert_eq!(upward(&mut exchange, &packet(b"\x1f"), &[]).1, Found::Reset { len: 5 });
    exchange.insert(Command::Query);
    assert_eq!(exchange.awaited.len(), 5);
    let answers = response(&[OK]);
    let got = downward(&mut exchange, &answers.repeat(5), &[3]).unwrap();
    assert_eq!(got, answers.repeat(4));
    assert_eq!(upward(&mut self::exchange(EOF_BITS), &packet(b"\x1f"), &[]).1, Found::More);
}

#[test]
fn responses_that_are_none_are_found() {
    for (command, payloads) in [
        (&b"\x03q"[..], &[&b""[..]][..]),
        (b"\x03q", &[b"\0\0"]),
        (b"\x03q", &[b"\xfc\x01"]),
        (b"\x03q", &[b"\xfd\0\0\x01"]),
        (b"\x03q", &[b"\x01", COLUMN, COLUMN]),
        (b"\x03q", &[b"\x01", COLUMN, EOF, b"\xfe\0\0"]),
        (b"\x16q", &[b"\x01"]),
        (b"\x16q", &[b"\0\0\0\0\0\x01"]),
        (b"\x16q", &[b"\0\0\0\0\0\x01\0\0\0\0\0\0", COLUMN, COLUMN]),
    ] {
        let mut exchange = exchange(Capabilities::default());
        upward(&mut exchange, &packet(command), &[]);
        let mut stream = response(payloads);
        let followed = exchange.from_server(&mut stream);
        assert_eq!(followed.breach, Some(Breach::Form), "{command:?} {payloads:?}");
        // What was whole before it passes, and an error of ours takes its place.
        let whole = response(&payloads[..payloads.len() - 1]).len();
        assert_eq!(followed.kept, whole);
        assert_eq!(usize::from(exchange.next_sequence()), payloads.len());
    }
}

#[test]
fn a_client_cannot_run_ahead_for_ever() {
    let mut exchange = exchange(EOF_BITS);
    let stream = packet(b"\x0e").repeat(MAX_AHEAD + 1);
    let scan = exchange.from_client(&stream);
    assert_eq!((scan.pass, scan.found), (MAX_AHEAD * 5, Found::Refused(Refusal::TooManyAhead)));
    assert!(!exchange.has_quit());
    let mut other = self::exchange(EOF_BITS);
    other.from_client(&packet(b"\x01"));
    assert!(other.has_quit() && other.awaited.is_empty());
}
