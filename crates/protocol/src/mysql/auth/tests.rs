//! The plugins against published examples, both sides against each other, and each against a hostile peer.

use proptest::prelude::*;

use super::*;
use crate::mysql::{
    Capabilities, DecodeError, EncodeError,
    connect::{Attributes, Login},
    frame::Sequence,
    reply::{AuthMoreData, AuthReply, AuthSwitchRequest, ErrPacket, ErrorCode, OkPacket},
};

fn login<'a>(plugin: Option<&'a [u8]>, response: &'a [u8]) -> Login<'a> {
    Login {
        capabilities: Capabilities::SPOKEN,
        max_packet_len: 0,
        collation: 0,
        user: b"u",
        response,
        database: None,
        plugin,
        attributes: Attributes::new(),
    }
}

#[test]
fn native_answers_are_those_of_other_clients() {
    // What the Go driver's tests have for the password `secret` (go-sql-driver/mysql, auth_test.go).
    let nonce =
        Nonce::new(&[70, 114, 92, 94, 1, 38, 11, 116, 63, 114, 23, 101, 126, 103, 26, 95, 81, 17, 24, 21]).unwrap();
    let answer = [53, 177, 140, 159, 251, 189, 127, 53, 109, 252, 172, 50, 211, 192, 240, 164, 26, 48, 207, 45];
    assert_eq!(AuthPlugin::NativePassword.respond(b"secret", &nonce), answer);
    assert!(NativeVerifier::from_password(b"secret").accepts(&nonce, &answer));
}

#[test]
fn native_verifiers_are_those_of_the_server() {
    // The examples on the page `PASSWORD` of the MariaDB documentation.
    for (password, text) in [
        (&b"notagoodpwd"[..], "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"),
        (b"MariaDB42!", "*07A469684341365CDFBADCAEF5FCD6B57F881A9A"),
    ] {
        assert_eq!(*NativeVerifier::from_password(password).to_text(), text);
    }
}

#[test]
fn sha2_answers_are_those_of_other_clients() {
    // What the Go driver's tests have for the password `secret` (go-sql-driver/mysql, auth_test.go).
    let nonce =
        Nonce::new(&[90, 105, 74, 126, 30, 48, 37, 56, 3, 23, 115, 127, 69, 22, 41, 84, 32, 123, 43, 118]).unwrap();
    let answer = [
        102, 32, 5, 35, 143, 161, 140, 241, 171, 232, 56, 139, 43, 14, 107, 196, 249, 170, 147, 60, 220, 204, 120, 178,
        214, 15, 184, 150, 26, 61, 57, 235,
    ];
    assert_eq!(AuthPlugin::CachingSha2Password.respond(b"secret", &nonce), answer);
    assert!(CachingSha2Verifier::from_password(b"secret").accepts(&nonce, &answer));
}

#[test]
fn the_stored_password_is_one_that_logged_in() {
    // Made by another program for the password `s3cret`, with which a user logged in to MySQL 9.7.
    let salt = Salt(*b"p:ZP0q[PNF>%s`HP+kHG");
    let text = authentication_string(b"s3cret", &salt).unwrap();
    assert_eq!(*text, "$A$005$p:ZP0q[PNF>%s`HP+kHGIXb/esqX0DSPImXSybmL0V5yDg0DuACcB/iLiKdT8G9");
    let ours = authentication_string(b"s3cret", &Salt::from_random(&[0xa5; 20])).unwrap();
    assert_eq!(ours.len(), 70);
    assert!(ours[7..].bytes().all(|byte| nonce::ALPHABET.contains(&byte)));
    assert_eq!(authentication_string(b"a\0b", &salt), Err(EncodeError::Nul));
    assert_eq!(authentication_string(&[b'a'; MAX_PASSWORD_LEN + 1], &salt), Err(EncodeError::TooLong));
}

/// Plays both sides. Returns which verifier the client has proved, if any, and how often it was asked.
fn run(expected: Expected, greeting: AuthPlugin, password: &[u8], nonce: &Nonce) -> (Option<usize>, usize) {
    let plugin = greeting.name().as_bytes();
    let (mut client, response) = Client::start(plugin, nonce, password, Channel::Tls).unwrap();
    let server = Server::new(expected, nonce.clone(), Channel::Tls).unwrap();
    let mut step = server.start(&login(Some(client.plugin().name().as_bytes()), &response));
    for asked in 0..3 {
        let (next, wire) = match step {
            ServerStep::Switch { next, plugin } => {
                let mut wire = Vec::new();
                AuthSwitchRequest::encode(plugin, next.nonce(), &mut Sequence::at(2), &mut wire);
                (next, wire.split_off(4))
            }
            ServerStep::More { next, data } => (next, [&[1], data].concat()),
            ServerStep::Success { which, data } => {
                if let Some(data) = data {
                    let step = client.exchange(AuthReply::More(AuthMoreData { data }));
                    assert!(matches!(step, Ok(ClientStep::Wait)));
                }
                assert!(matches!(client.exchange(AuthReply::Ok(OkPacket::default())), Ok(ClientStep::Success)));
                return (Some(which), asked);
            }
            ServerStep::Password(got) => {
                assert_eq!(*got, password);
                return (None, asked);
            }
            ServerStep::Failure => return (None, asked),
        };
        let reply = AuthReply::decode(&wire, Capabilities::SPOKEN).unwrap();
        let ClientStep::Send(payload) = client.exchange(reply).unwrap() else { panic!("the client says nothing") };
        step = next.exchange(&payload).unwrap();
    }
    panic!("no end")
}

proptest! {
    #[test]
    fn the_right_password_and_only_it_gets_in(
        password in prop::collection::vec(1u8..=255, 1..=MAX_PASSWORD_LEN),
        other in prop::collection::vec(1u8..=255, 0..=MAX_PASSWORD_LEN),
        random: [u8; 20],
    ) {
        prop_assume!(password != other);
        let nonce = Nonce::from_random(&random);
        let native = |known: &[&[u8]]| Expected::Native(known.iter().map(|p| NativeVerifier::from_password(p)).collect());
        let sha2 = |known: &[&[u8]]| Expected::CachingSha2(known.iter().map(|p| CachingSha2Verifier::from_password(p)).collect());
        for greeting in [AuthPlugin::NativePassword, AuthPlugin::CachingSha2Password] {
            for expected in [native(&[&other, &password]), sha2(&[&other, &password])] {
                let switched = usize::from(expected.plugin() != greeting);
                prop_assert_eq!(run(expected, greeting, &password, &nonce), (Some(1), switched));
            }
            for expected in [native(&[&other]), sha2(&[&other]), native(&[]), sha2(&[])] {
                let switched = usize::from(expected.plugin() != greeting);
                prop_assert_eq!(run(expected, greeting, &password, &nonce), (None, switched));
            }
            let switched = usize::from(greeting != AuthPlugin::CachingSha2Password);
            prop_assert_eq!(run(Expected::Password, greeting, &password, &nonce), (None, 1 + switched));
        }
    }

    #[test]
    fn no_other_answer_is_accepted(answer in prop::collection::vec(any::<u8>(), 0..64), random: [u8; 20]) {
        let nonce = Nonce::from_random(&random);
        prop_assert!(!NativeVerifier::from_password(b"secret").accepts(&nonce, &answer));
        prop_assert!(!CachingSha2Verifier::from_password(b"secret").accepts(&nonce, &answer));
    }
}

#[test]
fn answers_to_another_nonce_and_empty_ones_are_refused() {
    let (one, two) = (Nonce::from_random(&[1; 20]), Nonce::from_random(&[2; 20]));
    let native = AuthPlugin::NativePassword.respond(b"secret", &one);
    assert!(!NativeVerifier::from_password(b"secret").accepts(&two, &native));
    let sha2 = AuthPlugin::CachingSha2Password.respond(b"secret", &one);
    assert!(!CachingSha2Verifier::from_password(b"secret").accepts(&two, &sha2));
    // A client answers nothing for the empty password, which is no user's.
    assert!(AuthPlugin::NativePassword.respond(b"", &one).is_empty());
    assert!(!NativeVerifier::from_password(b"").accepts(&one, b""));
    assert!(!CachingSha2Verifier::from_password(b"").accepts(&one, b""));
}

#[test]
fn a_hostile_server_gets_no_password() {
    let nonce = Nonce::from_random(&[1; 20]);
    let start = |plugin: &[u8], channel| Client::start(plugin, &nonce, b"hunter2", channel).unwrap().0;
    let switch = |plugin| AuthReply::Switch(AuthSwitchRequest { plugin, data: b"abcdefghijklmnopqrst\0" });
    let more = |data| AuthReply::More(AuthMoreData { data });
    let sha2 = b"caching_sha2_password";

    // Plugins that send the password as it is, or that are not known.
    for plugin in
        [&b"mysql_clear_password"[..], b"dialog", b"mysql_old_password", b"sha256_password", b"client_ed25519"]
    {
        let error = start(sha2, Channel::Tls).exchange(switch(plugin)).unwrap_err();
        assert_eq!(error, AuthError::Plugin(String::from_utf8(plugin.to_vec()).unwrap()));
    }
    // Nothing is answered to the nonce of such a plugin either.
    let (client, response) = Client::start(b"client_ed25519", &nonce, b"hunter2", Channel::Tls).unwrap();
    assert_eq!((client.plugin(), response), (AuthPlugin::CachingSha2Password, Vec::new()));
    // The password without TLS.
    let error = start(sha2, Channel::Clear).exchange(more(AuthMoreData::FULL_AUTHENTICATION)).unwrap_err();
    assert_eq!(error, AuthError::NoTls);
    // More than the plugin has to say, something else, or of the wrong plugin.
    for data in [&b""[..], b"\x02", b"\x03\x03", b"\x05", b"-----BEGIN PUBLIC KEY-----"] {
        assert_eq!(start(sha2, Channel::Tls).exchange(more(data)).unwrap_err(), AuthError::Order);
    }
    let mut native = start(b"mysql_native_password", Channel::Tls);
    assert_eq!(native.exchange(more(AuthMoreData::FULL_AUTHENTICATION)).unwrap_err(), AuthError::Order);
    // The same again and again.
    let mut client = start(sha2, Channel::Tls);
    assert!(matches!(client.exchange(switch(sha2)), Ok(ClientStep::Send(_))));
    assert_eq!(client.exchange(switch(sha2)).unwrap_err(), AuthError::Order);
    assert!(matches!(client.exchange(more(AuthMoreData::FAST_AUTH_SUCCESS)), Ok(ClientStep::Wait)));
    assert_eq!(client.exchange(more(AuthMoreData::FULL_AUTHENTICATION)).unwrap_err(), AuthError::Order);
    // A nonce that is none.
    let short = AuthReply::Switch(AuthSwitchRequest { plugin: sha2, data: b"short" });
    assert_eq!(start(sha2, Channel::Tls).exchange(short).unwrap_err(), AuthError::Decode(DecodeError::Nonce));
    // A refusal is no fault.
    let refused = AuthReply::Err(ErrPacket::new(ErrorCode::ACCESS_DENIED, "no"));
    assert!(matches!(start(sha2, Channel::Tls).exchange(refused), Ok(ClientStep::Failure(_))));
}

#[test]
fn a_hostile_client_gets_nowhere() {
    let nonce = Nonce::from_random(&[1; 20]);
    let ask = || Server::new(Expected::Password, nonce.clone(), Channel::Tls).unwrap();
    assert!(matches!(Server::new(Expected::Password, nonce.clone(), Channel::Clear), Err(AuthError::NoTls)));
    // Whatever it answers to the nonce, it is asked for the password, once.
    for response in [&b""[..], &[0; 32], b"secret\0"] {
        let ServerStep::More { next, .. } = ask().start(&login(Some(b"caching_sha2_password"), response)) else {
            panic!()
        };
        for (payload, error) in [
            (&b""[..], DecodeError::Unterminated),
            (b"\x02", DecodeError::Unterminated),
            (b"a\0b\0", DecodeError::Trailing),
            (&[b"a".repeat(MAX_PASSWORD_LEN + 1), vec![0]].concat(), DecodeError::Length(257)),
        ] {
            assert_eq!(next.clone().exchange(payload).unwrap_err(), AuthError::Decode(error), "{payload:?}");
        }
        assert!(matches!(next.exchange(b"pw\0"), Ok(ServerStep::Password(password)) if *password == b"pw"));
    }
    // A client that names no plugin means the native one, and none is taken for another's answer.
    let verifiers = vec![NativeVerifier::from_password(b"secret")];
    let native = || Server::new(Expected::Native(verifiers.clone()), nonce.clone(), Channel::Clear).unwrap();
    let answer = AuthPlugin::NativePassword.respond(b"secret", &nonce);
    assert!(matches!(native().start(&login(None, &answer)), ServerStep::Success { which: 0, data: None }));
    for plugin in [&b"caching_sha2_password"[..], b"mysql_clear_password", b"\xff"] {
        assert!(matches!(native().start(&login(Some(plugin), &answer)), ServerStep::Switch { .. }));
    }
}

#[test]
fn nothing_secret_is_shown() {
    let nonce = Nonce::from_random(&[1; 20]);
    let (client, _) = Client::start(b"", &nonce, b"hunter2", Channel::Tls).unwrap();
    assert_eq!(format!("{client:?}"), "Client(mysql_native_password, …)");
    let verifier = NativeVerifier::from_password(b"hunter2");
    assert_eq!(format!("{:?}", Expected::Native(vec![verifier])), "Native([NativeVerifier(…)])");
    let step = ServerStep::Password(b"hunter2".to_vec().into());
    assert_eq!(format!("{step:?} {:?}", ClientStep::Send(b"hunter2".to_vec().into())), "Password(…) Send(…)");
}
