//! Targets of SCRAM. An input holds both messages of the peer, with a line break between them. What is random in our own
//! part is fixed to the example of RFC 7677, so that exactly one conversation can succeed: any other input that does
//! would be a way in.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD};
use mayfly_protocol::scram::{
    Client, ClientKey, ClientSecret, MAX_MESSAGE_LEN, Mechanism, Nonce, ScramError, Server, ServerKey, Step, Verifier,
};

use super::fuzz;

/// The verifier of the password `pencil` in RFC 7677, section 3.
const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

/// The two messages of an input.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let at = input.iter().position(|&byte| byte == b'\n').unwrap_or(input.len());
    (&input[..at], input.get(at + 1..).unwrap_or_default())
}

/// The corpus file whose conversation succeeds.
fn genuine(target: &str, name: &str) -> Vec<u8> {
    super::corpus(target).into_iter().find(|(file, _)| file == name).unwrap().1
}

/// Plays the server. Returns whether the client got in.
fn serve(input: &[u8], mechanism: Mechanism, hash: Option<&[u8]>) -> Result<bool, ScramError> {
    let (first, last) = halves(input);
    let verifier = Verifier::parse(VERIFIER).unwrap();
    let nonce = Nonce::from_text("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap();
    let Step::Continue { next, reply } = Server::new(mechanism, verifier, nonce, hash)?.exchange(first)? else {
        panic!("the first message decides nothing");
    };
    assert!(reply.len() <= MAX_MESSAGE_LEN && reply.starts_with(b"r=") && reply.ends_with(b",i=4096"));
    match next.exchange(last)? {
        Step::Success { reply, .. } => {
            assert!(reply.starts_with(b"v="));
            Ok(true)
        }
        Step::Failure(_) => Ok(false),
        Step::Continue { .. } => panic!("there is no third message"),
    }
}

#[test]
fn scram_server() {
    let got_in = serve(&genuine("scram_server", "rfc-7677"), Mechanism::ScramSha256, None);
    assert_eq!(got_in, Ok(true));
    fuzz("scram_server", |input, _| {
        if serve(input, Mechanism::ScramSha256, None) == Ok(true) {
            assert_eq!(input, genuine("scram_server", "rfc-7677"), "another way in");
        }
        // Nothing in the corpus proves knowledge of the password for a bound channel.
        assert_ne!(serve(input, Mechanism::ScramSha256Plus, Some(b"hash")), Ok(true));
        if serve(input, Mechanism::ScramSha256, Some(b"hash")) == Ok(true) {
            assert!(input.starts_with(b"n,"), "a downgrade went through");
        }
    });
}

/// Plays the client. Returns whether the server was believed.
fn connect(input: &[u8]) -> Result<bool, ScramError> {
    let (first, last) = halves(input);
    let key = |text: &str| STANDARD.decode(text).unwrap().try_into().unwrap();
    let secret = ClientSecret::from_keys(
        ClientKey::from_bytes(key("pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos=")),
        ServerKey::from_bytes(key("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")),
    );
    let nonce = Nonce::from_text("rOprNGfwEbeRWgbNEkqO").unwrap();
    let most = NonZeroU32::new(4096).unwrap();
    let (client, _) = Client::start(&["SCRAM-SHA-256"], None, secret, nonce, most)?;
    let Step::Continue { next, reply } = client.exchange(first)? else {
        panic!("the first message decides nothing");
    };
    assert!(first.starts_with(b"r=rOprNGfwEbeRWgbNEkqO"), "a foreign nonce was accepted");
    assert!(reply.starts_with(b"c=biws,r=rOprNGfwEbeRWgbNEkqO") && reply.len() <= MAX_MESSAGE_LEN);
    match next.exchange(last)? {
        Step::Success { reply, .. } => {
            assert!(reply.is_empty());
            Ok(true)
        }
        Step::Failure(_) => Ok(false),
        Step::Continue { .. } => panic!("there is no third message"),
    }
}

#[test]
fn scram_client() {
    assert_eq!(connect(&genuine("scram_client", "genuine")), Ok(true));
    fuzz("scram_client", |input, _| {
        if connect(input) == Ok(true) {
            // The signature covers the first message; what may follow it are extensions, which are ignored.
            assert!(input.starts_with(&genuine("scram_client", "genuine")), "another server was believed");
        }
    });
}

#[test]
fn verifier() {
    fuzz("verifier", |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(verifier) = Verifier::parse(text) else { return };
        let again = verifier.to_text();
        assert_eq!(Verifier::parse(&again), Ok(verifier));
        // Only leading zeros of the iteration count are written differently.
        assert!(again.len() <= text.len());
    });
}
