//! Targets of the PostgreSQL codecs.

use mayfly_protocol::postgres::{
    DecodeError, EncodeError, ProtocolVersion,
    backend::{BackendMessage, ErrorFields, tag},
    frame::{Framer, HEADER_LEN, MAX_LENGTH, Message, MessageReader},
    frontend::{self, Query, SaslInitialResponse, SaslResponse, is_plain_password},
    startup::{
        FirstPacket, MAX_BODY_LEN, MAX_PARAMETERS, encode_gssenc_request, encode_ssl_request, first_packet_body_len,
    },
};

use super::{Rng, fuzz};

/// The cap on bodies that the handshake targets use.
const CAP: usize = 4096;

#[test]
fn startup() {
    fuzz("startup", |input, _| {
        let Some((length, rest)) = input.split_first_chunk::<4>() else { return };
        let Ok(len) = first_packet_body_len(*length) else { return };
        assert!((4..=MAX_BODY_LEN).contains(&len));
        let body = &rest[..len.min(rest.len())];
        // A body that is shorter than it says is not decoded by a caller, but must do no harm either.
        let Ok(packet) = FirstPacket::decode(body) else { return };
        let mut again = Vec::new();
        match &packet {
            FirstPacket::SslRequest => encode_ssl_request(&mut again),
            FirstPacket::GssEncRequest => encode_gssenc_request(&mut again),
            FirstPacket::Cancel(request) => request.encode(&mut again).unwrap(),
            FirstPacket::Startup(message) => {
                let parameters = &message.parameters;
                assert!(parameters.len() <= MAX_PARAMETERS);
                let size: usize = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
                assert!(size < body.len());
                assert!(
                    parameters
                        .iter()
                        .all(|(name, value)| !name.is_empty() && !name.contains(&0) && !value.contains(&0))
                );
                message.encode(&mut again).unwrap();
            }
        }
        assert_eq!(&again[4..], body, "an accepted packet is written as it was read");
    });
}

/// Where messages end, found one byte at a time, and the length that broke the protocol.
fn reference(stream: &[u8]) -> (Vec<usize>, Option<u32>) {
    let (mut ends, mut header, mut left) = (vec![0], Vec::new(), 0u32);
    for (at, byte) in stream.iter().enumerate() {
        if left > 0 {
            left -= 1;
        } else {
            header.push(*byte);
            if header.len() == HEADER_LEN {
                let length = u32::from_be_bytes(header[1..].try_into().unwrap());
                if !(4..=MAX_LENGTH).contains(&length) {
                    return (ends, Some(length));
                }
                left = length - 4;
                header.clear();
            }
        }
        if left == 0 && header.is_empty() {
            ends.push(at + 1);
        }
    }
    (ends, None)
}

#[test]
fn framer() {
    fuzz("framer", |input, rng| {
        let (ends, violation) = reference(input);
        let (mut framer, mut from) = (Framer::new(), 0);
        while from < input.len() {
            let most = 1 + rng.below(200);
            let to = from + 1 + rng.below(most.min(input.len() - from));
            match framer.follow(&input[from..to]) {
                Ok(last) => {
                    let expected = ends.iter().rev().find(|end| (from..=to).contains(*end)).map(|end| end - from);
                    assert_eq!(last, expected, "in {from}..{to}");
                    assert_eq!(framer.at_boundary(), ends.contains(&to), "at {to}");
                }
                Err(error) => {
                    assert_eq!(Some(error), violation.map(DecodeError::Length));
                    assert!(framer.follow(&[]).is_err() && !framer.at_boundary());
                    return;
                }
            }
            from = to;
        }
        assert_eq!(violation, None, "a violation was missed");
    });
}

/// Reads the messages of a stream in random slices. Checks that nothing is taken beyond a message's end or lost.
fn read(input: &[u8], rng: &mut Rng) -> Vec<Message> {
    let (mut reader, mut messages, mut rest, mut copy) = (MessageReader::new(CAP), Vec::new(), input, Vec::new());
    while !rest.is_empty() {
        let slice = &rest[..1 + rng.below(rest.len())];
        let wants = reader.wants();
        assert!(wants > 0 && wants <= CAP.max(HEADER_LEN));
        let Ok((taken, message)) = reader.push(slice) else { break };
        assert!(taken > 0 && taken <= slice.len());
        assert!(wants <= taken || taken == slice.len(), "it stopped before the end of what it wants");
        rest = &rest[taken..];
        if let Some(message) = message {
            copy.push(message.tag);
            copy.extend((u32::try_from(message.body.len()).unwrap() + 4).to_be_bytes());
            copy.extend(&*message.body);
            assert_eq!(copy.len(), input.len() - rest.len());
            messages.push(message);
        }
    }
    assert!(input.starts_with(&copy));
    messages
}

/// Writes a message again; `None` for those that are only recognised.
fn encode(message: &BackendMessage<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match message {
        BackendMessage::Authentication(message) => match message.encode(&mut out) {
            Err(EncodeError::Unsupported) => {
                assert!(out.is_empty());
                return None;
            }
            done => done.unwrap(),
        },
        BackendMessage::BackendKeyData(message) => message.encode(&mut out).unwrap(),
        BackendMessage::NegotiateProtocolVersion(message) => message.encode(&mut out).unwrap(),
        BackendMessage::ParameterStatus(message) => message.encode(&mut out).unwrap(),
        BackendMessage::Error(fields) => fields.encode_error(&mut out),
        BackendMessage::Notice(fields) => fields.encode_notice(&mut out),
        BackendMessage::ReadyForQuery(message) => message.encode(&mut out),
    }
    Some(out)
}

#[test]
fn backend() {
    fuzz("backend", |input, rng| {
        for message in read(input, rng) {
            for version in [ProtocolVersion::V3_0, ProtocolVersion::V3_2] {
                let Ok(decoded) = BackendMessage::decode(message.tag, &message.body, version) else { continue };
                let Some(again) = encode(&decoded) else { continue };
                assert_eq!(again[0], message.tag);
                let back = BackendMessage::decode(message.tag, &again[HEADER_LEN..], version);
                assert_eq!(back.as_ref(), Ok(&decoded));
                // Texts of errors are cleaned, and a bare minor version is completed; all else comes back as it was.
                let exact = !matches!(
                    message.tag,
                    tag::ERROR_RESPONSE | tag::NOTICE_RESPONSE | tag::NEGOTIATE_PROTOCOL_VERSION
                );
                assert!(!exact || again[HEADER_LEN..] == **message.body);
                // U+FFFD has three bytes and can stand for one.
                assert!(again.len() <= HEADER_LEN + 3 * message.body.len() + 1);
            }
        }
        // Any bytes are tried as the body of an error as well: that is where text from strangers is handled.
        if let Ok(fields) = ErrorFields::decode(input) {
            assert!(!fields.message().contains('\0'));
        }
    });
}

#[test]
fn frontend() {
    fuzz("frontend", |input, rng| {
        for message in read(input, rng) {
            let (body, mut again) = (&**message.body, Vec::new());
            match message.tag {
                frontend::tag::PASSWORD => {
                    SaslResponse::decode(body).encode(&mut again).unwrap();
                    assert_eq!(&again[HEADER_LEN..], body);
                    let Ok(initial) = SaslInitialResponse::decode(body) else { continue };
                    assert!(!is_plain_password(body), "taken for both");
                    again.clear();
                    initial.encode(&mut again).unwrap();
                }
                frontend::tag::QUERY => {
                    let Ok(query) = Query::decode(body) else { continue };
                    query.encode(&mut again).unwrap();
                }
                _ => continue,
            }
            assert_eq!(&again[HEADER_LEN..], body, "an accepted message is written as it was read");
        }
    });
}
