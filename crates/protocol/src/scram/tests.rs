//! Both sides against each other, and the server against published and hostile clients.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const ONCE: NonZeroU32 = NonZeroU32::MIN;

/// The server of RFC 7677, section 3.
fn rfc_7677(binding: Option<&[u8]>, mechanism: Mechanism) -> Server {
    let salt = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
    let verifier = Verifier::from_password(b"pencil", &salt, NonZeroU32::new(4096).unwrap());
    let nonce = Nonce::from_text("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap();
    Server::new(mechanism, verifier, nonce, binding).unwrap()
}

/// The server after the client's first message.
fn after(first: &str, binding: Option<&[u8]>, mechanism: Mechanism) -> Result<(Server, String), ScramError> {
    match rfc_7677(binding, mechanism).exchange(first.as_bytes())? {
        Step::Continue { next, reply } => Ok((next, String::from_utf8(reply).unwrap())),
        other => panic!("{other:?}"),
    }
}

const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const LAST: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

#[test]
fn rfc_7677_section_3() {
    let (server, reply) = after(FIRST, None, Mechanism::ScramSha256).unwrap();
    assert_eq!(reply, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    match server.exchange(LAST.as_bytes()).unwrap() {
        Step::Success { reply, .. } => assert_eq!(reply, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hostile_first_message_is_refused() {
    use ScramError::{AuthorizationIdentity, ChannelBinding, Downgrade, Malformed, MandatoryExtension};
    let (plain, plus) = (Mechanism::ScramSha256, Mechanism::ScramSha256Plus);
    let hash: Option<&[u8]> = Some(b"hash");
    for (message, binding, mechanism, error) in [
        ("n,,n=,r=x", None, plain, None),
        ("n,,n=,r=x", hash, plain, None),
        ("y,,n=,r=x", None, plain, None),
        ("n,,n=a=2Cb,r=x,q=ext", None, plain, None),
        ("p=tls-server-end-point,,n=,r=x", hash, plus, None),
        ("y,,n=,r=x", hash, plain, Some(Downgrade)),
        ("y,,n=,r=x", hash, plus, Some(ChannelBinding)),
        ("n,,n=,r=x", hash, plus, Some(ChannelBinding)),
        ("p=tls-unique,,n=,r=x", hash, plus, Some(ChannelBinding)),
        ("p=tls-server-end-point,,n=,r=x", hash, plain, Some(ChannelBinding)),
        ("p=,,n=,r=x", hash, plus, Some(Malformed("channel binding flag"))),
        ("n,a=root,n=,r=x", None, plain, Some(AuthorizationIdentity)),
        ("n,,m=x,n=,r=x", None, plain, Some(MandatoryExtension)),
        ("n,,n=,r=", None, plain, Some(Malformed("nonce"))),
        ("n,,n=", None, plain, Some(Malformed("nonce"))),
        ("n,,r=x,n=", None, plain, Some(Malformed("user name"))),
        ("n,,n=,r=x,", None, plain, Some(Malformed("extension"))),
        ("n,,n=\0,r=x", None, plain, Some(Malformed("zero byte"))),
        ("", None, plain, Some(Malformed("channel binding flag"))),
    ] {
        assert_eq!(after(message, binding, mechanism).err(), error, "{message}");
    }
    let long = format!("n,,n=,r={}", "x".repeat(MAX_NONCE_LEN + 1));
    assert_eq!(after(&long, None, plain).err(), Some(Malformed("nonce")));
    assert_eq!(after(&"x".repeat(MAX_MESSAGE_LEN + 1), None, plain).err(), Some(ScramError::TooLong));
    let not_offered = Server::new(plus, Verifier::mock(b"s", b"u", &[7; 16], ONCE), Nonce::from_bytes(&[0; 18]), None);
    assert_eq!(not_offered.err(), Some(ScramError::Mechanism));
}

#[test]
fn a_hostile_last_message_is_refused() {
    use ScramError::{ChannelBindingMismatch, Malformed, Nonce};
    for (from, to, error) in [
        ("c=biws", "c=eSws", ChannelBindingMismatch),
        ("hNlF$k0", "hNlF$k1", Nonce),
        ("hNlF$k0", "hNlF$k00", Nonce),
        ("p=dHzb", "p=dHz", Malformed("proof")),
        (",p=", ",q=", Malformed("proof")),
        ("VQ=", "VQ=,x=1", Malformed("proof")),
        ("c=biws,", "", Malformed("channel binding")),
        (",p=", ",junk,p=", Malformed("extension")),
    ] {
        let (server, _) = after(FIRST, None, Mechanism::ScramSha256).unwrap();
        assert_eq!(server.exchange(LAST.replace(from, to).as_bytes()).err(), Some(error), "{from} -> {to}");
    }
    // The proof is right in form but not in substance: a wrong password, which is a value.
    let (server, _) = after(FIRST, None, Mechanism::ScramSha256).unwrap();
    let wrong = server.exchange(LAST.replace("p=dHzb", "p=eHzb").as_bytes());
    assert!(matches!(wrong, Ok(Step::Failure(Failure::WrongPassword))));
    // An extension is signed with the rest, so that one put in on the way fails as well.
    let (server, _) = after(FIRST, None, Mechanism::ScramSha256).unwrap();
    let changed = server.exchange(LAST.replace(",p=", ",x=1,p=").as_bytes());
    assert!(matches!(changed, Ok(Step::Failure(Failure::WrongPassword))));
}

/// Runs a whole exchange; returns what the server and then the client concludes.
fn run(
    verifier: Verifier,
    password: &[u8],
    server_hash: Option<&[u8]>,
    client_hash: Option<&[u8]>,
) -> Result<(Option<Failure>, Option<Failure>), ScramError> {
    let secret = ClientSecret::from_password(password);
    let nonce = Nonce::from_bytes(&[1; 18]);
    let many = NonZeroU32::new(10).unwrap();
    let (client, first) = Client::start(offer(server_hash.is_some()), client_hash, secret, nonce, many)?;
    let mechanism = Mechanism::from_name(client.mechanism().name())?;
    let server = Server::new(mechanism, verifier, Nonce::from_bytes(&[2; 18]), server_hash)?;
    let Step::Continue { next: server, reply } = server.exchange(&first)? else { panic!() };
    let Step::Continue { next: client, reply } = client.exchange(&reply)? else { panic!() };
    let reply = match server.exchange(&reply)? {
        Step::Success { reply, .. } => reply,
        Step::Failure(failure) => return Ok((Some(failure), None)),
        Step::Continue { .. } => panic!(),
    };
    match client.exchange(&reply)? {
        Step::Success { .. } => Ok((None, None)),
        Step::Failure(failure) => Ok((None, Some(failure))),
        Step::Continue { .. } => panic!(),
    }
}

#[test]
fn the_channel_is_bound_when_both_can() {
    let verifier = || Verifier::from_password(b"pw", b"salt", ONCE);
    for (server, client, result) in [
        (None, None, Ok((None, None))),
        (Some(&b"one"[..]), Some(&b"one"[..]), Ok((None, None))),
        (Some(b"one"), None, Ok((None, None))),
        (None, Some(b"one"), Ok((None, None))),
        (Some(b"one"), Some(b"two"), Err(ScramError::ChannelBindingMismatch)),
    ] {
        assert_eq!(run(verifier(), b"pw", server, client), result, "{server:?} {client:?}");
    }
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let wrong = Ok((Some(Failure::WrongPassword), None));
    assert_eq!(run(Verifier::mock(b"secret", b"nobody", &[7; 16], ONCE), b"pw", None, None), wrong);
    assert_eq!(run(Verifier::from_password(b"other", b"salt", ONCE), b"pw", None, None), wrong);
}

#[test]
fn a_mock_fails_even_with_its_own_keys() {
    // Nobody can know such keys; were the mark lost, this client would get in.
    let mut mock = Verifier::from_password(b"pw", b"salt", ONCE);
    mock.mock = true;
    assert_eq!(run(mock, b"pw", None, None), Ok((Some(Failure::WrongPassword), None)));
}

proptest! {
    #[test]
    fn the_right_password_and_only_it_gets_in(
        password in prop::collection::vec(any::<u8>(), 0..40),
        other in prop::collection::vec(any::<u8>(), 0..40),
        salt in prop::collection::vec(any::<u8>(), 1..64),
        iterations in 1u32..4,
    ) {
        let verifier = Verifier::from_password(&password, &salt, NonZeroU32::new(iterations).unwrap());
        let verifier = Verifier::parse(&verifier.to_text()).unwrap();
        prop_assert_eq!(run(verifier.clone(), &password, None, None), Ok((None, None)));
        if prepare_password(&password) != prepare_password(&other) {
            // HMAC pads its key with zero bytes, so that passwords which differ in these alone are one password.
            let strip = |password: &[u8]| {
                let prepared = prepare_password(password);
                let end = prepared.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                prepared[..end].to_vec()
            };
            if strip(&password) != strip(&other) {
                prop_assert_eq!(run(verifier, &other, None, None), Ok((Some(Failure::WrongPassword), None)));
            }
        }
    }
}

/// The salt is all that SCRAM says of a verifier before the client proves one.
#[test]
fn a_client_proves_one_of_several_verifiers_of_the_same_salt() {
    let of = |password: &[u8], salt: u8| Verifier::from_password(password, &[salt; 16], ONCE);
    let all = || Verifiers::of_one_salt(of(b"first", 7), [of(b"second", 7), of(b"third", 7)]);
    for (password, which) in [(&b"first"[..], Some(0)), (b"second", Some(1)), (b"third", Some(2)), (b"fourth", None)] {
        let server = Server::new(Mechanism::ScramSha256, all(), Nonce::from_bytes(&[1; 18]), None).unwrap();
        let (secret, nonce) = (ClientSecret::from_password(password), Nonce::from_bytes(&[2; 18]));
        let (client, first) = Client::start(&["SCRAM-SHA-256"], None, secret, nonce, ONCE).unwrap();
        let Ok(Step::Continue { next: server, reply }) = server.exchange(&first) else { panic!() };
        let Ok(Step::Continue { next: client, reply }) = client.exchange(&reply) else { panic!() };
        match (server.exchange(&reply).unwrap(), which) {
            (Step::Success { reply, which }, Some(expected)) => {
                assert_eq!(which, expected);
                assert!(matches!(client.exchange(&reply), Ok(Step::Success { .. })), "the server proves the same one");
            }
            (Step::Failure(Failure::WrongPassword), None) => {}
            (step, _) => panic!("{step:?}"),
        }
        assert_eq!(all().accepts(password), which);
    }
    let mixed = Verifiers::of_one_salt(of(b"first", 7), [of(b"second", 8), of(b"third", 7)]);
    assert_eq!(
        [b"first".as_slice(), b"second", b"third"].map(|password| mixed.accepts(password)),
        [Some(0), None, Some(2)]
    );
    let twin = Verifier { mock: true, ..of(b"first", 7) };
    assert_eq!(Verifiers::from(twin).accepts(b"first"), None);
}
