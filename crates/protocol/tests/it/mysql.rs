//! The packets that the MySQL documentation prints, read and written again, and log-ins to MariaDB 10.11 and MySQL 9.7 (user
//! `cap`, a throw-away password) replayed: our client has to answer as theirs did, and our server to be content with theirs.
//! All are in the corpus of the fuzz targets.

use mayfly_protocol::mysql::{
    Capabilities, Command, DecodeError, Nonce,
    auth::{
        AuthPlugin, CachingSha2Verifier, Channel, Client, ClientStep, Expected, NativeVerifier, Salt, Server,
        ServerStep, authentication_string,
    },
    connect::{FirstPacket, Greeting, Login, SslRequest},
    exchange::{Exchange, Followed, Found, Scan, Terms},
    frame::{Framer, Packet, PacketReader, Sequence},
    reply::{AuthReply, AuthSwitchRequest, ErrPacket},
};

/// The password of the user `cap`.
const PASSWORD: &[u8] = b"capture";

macro_rules! corpus {
    ($path:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/", $path))
    };
}

/// All packets of a stream, which has to end at a boundary.
fn packets(mut stream: &[u8]) -> Vec<Packet> {
    let (mut reader, mut packets) = (PacketReader::new(64 * 1024), Vec::new());
    while !stream.is_empty() {
        let (taken, packet) = reader.push(stream).unwrap();
        stream = &stream[taken..];
        packets.extend(packet);
    }
    assert!(reader.at_boundary());
    packets
}

#[test]
fn a_server_greets() {
    // Page "TLS" of the documentation, MySQL 5.5.2: without names of plugins.
    let packets = packets(corpus!("mysql_server/manual-greeting"));
    let greeting = Greeting::decode(&packets[0].payload).unwrap();
    assert_eq!((greeting.server_version, greeting.connection_id), (&b"5.5.2-m2"[..], 82));
    assert_eq!(greeting.nonce.as_bytes(), br#""=NP)u9V)d@R\Uxz|!)K"#);
    assert_eq!((greeting.capabilities.bits(), greeting.collation, greeting.status), (0xffff, 8, 2));
    assert_eq!(greeting.plugin, b"");
}

#[test]
fn a_client_asks_for_tls_and_logs_in() {
    // Page "TLS" of the documentation.
    let wire = corpus!("mysql_client/manual-tls");
    let packets = packets(wire);
    let FirstPacket::SslRequest(request) = FirstPacket::decode(&packets[0].payload).unwrap() else { panic!() };
    assert_eq!(
        request,
        SslRequest { capabilities: Capabilities::from_bits(0x3_ae05), max_packet_len: 1 << 24, collation: 8 }
    );
    let FirstPacket::Login(login) = FirstPacket::decode(&packets[1].payload).unwrap() else { panic!() };
    assert_eq!((login.user, login.response.len(), login.database, login.plugin), (&b"root"[..], 20, None, None));
    let mut again = Vec::new();
    request.encode(&mut Sequence::at(1), &mut again).unwrap();
    login.encode(&mut Sequence::at(1), &mut again).unwrap();
    assert_eq!(again, wire);
}

/// The log-in of a corpus file, read, and written without the wish to send files, which is never ours.
fn login(wire: &'static [u8], check: impl FnOnce(&Login<'_>)) {
    let packets = packets(wire);
    let FirstPacket::Login(login) = FirstPacket::decode(&packets[0].payload).unwrap() else { panic!() };
    check(&login);
    assert!(login.capabilities.contains(Capabilities::LOCAL_FILES));
    assert!(!login.agreed(Capabilities::SPOKEN).contains(Capabilities::LOCAL_FILES));
    let capabilities = login.agreed(Capabilities::SPOKEN);
    let mut again = Vec::new();
    Login { capabilities, ..login }.encode(&mut Sequence::at(1), &mut again).unwrap();
    again[4] |= 0x80;
    assert_eq!(again, wire);
}

#[test]
fn clients_say_who_they_are_and_what_they_want() {
    // Page "HandshakeResponse" of the documentation: MySQL 5.5.8, and MySQL 5.6.6 with attributes.
    login(corpus!("mysql_client/manual-database"), |login| {
        assert_eq!((login.user_str(), login.database_str()), (Some("pam"), Some("test")));
        assert_eq!(login.plugin, Some(&b"mysql_native_password"[..]));
    });
    login(corpus!("mysql_client/manual-attributes"), |login| {
        assert_eq!((login.user_str(), login.database_str()), (Some("root"), None));
        let names: Vec<_> = login.attributes.iter().map(|(name, _)| name).collect();
        let expected: [&[u8]; 6] = [b"_os", b"_client_name", b"_pid", b"_client_version", b"_platform", b"foo"];
        assert_eq!(names, expected);
        assert_eq!(login.attributes.get(b"_client_version"), Some(&b"5.6.6-m9"[..]));
    });
}

#[test]
fn a_client_of_before_4_1_is_told_so() {
    // Page "HandshakeResponse" of the documentation, `Protocol::HandshakeResponse320`.
    let old = FirstPacket::decode(&corpus!("mysql_client/old")[4..]).err();
    assert_eq!(old, Some(DecodeError::TooOld));
}

#[test]
fn the_relay_follows_a_query_and_its_result() {
    // Pages "COM_QUERY" and "Compressed Packet" of the documentation.
    let query = corpus!("mysql_commands/manual-query");
    let mut exchange = Exchange::new(Capabilities::default(), Terms::default());
    assert_eq!(exchange.from_client(query), Scan { pass: query.len(), found: Found::More });
    assert_eq!(Command::from_byte(query[4]), Some(Command::Query));
    let result = corpus!("mysql_framer/manual-result");
    let mut framer = Framer::new();
    assert_eq!(framer.follow(result), Some(result.len()));
    assert_eq!(framer.next_sequence(), 6);
    assert_eq!(exchange.from_server(&mut result.to_vec()), Followed { kept: result.len(), breach: None });
    assert_eq!(exchange.next_sequence(), 1);
}

/// A captured log-in.
struct LogIn {
    server: Vec<Packet>,
    client: Vec<Packet>,
}

impl LogIn {
    fn greeting(&self) -> Greeting<'_> {
        Greeting::decode(&self.server[0].payload).unwrap()
    }

    fn login(&self) -> Login<'_> {
        Login::decode(&self.client[0].payload).unwrap()
    }

    /// What both sides have agreed.
    fn agreed(&self) -> Capabilities {
        self.login().agreed(self.greeting().capabilities)
    }

    /// Plays the client, begun with this plugin: it has to say what the captured one said. Returns how it ends.
    fn replay_client(&self, plugin: AuthPlugin) -> ClientStep {
        let (greeting, login) = (self.greeting(), self.login());
        let (mut client, response) =
            Client::start(plugin.name().as_bytes(), &greeting.nonce, PASSWORD, Channel::Tls).unwrap();
        assert_eq!(login.plugin, Some(client.plugin().name().as_bytes()));
        // A client that was told to begin with another plugin than the server has no nonce for it.
        let begun = greeting.plugin == plugin.name().as_bytes();
        assert_eq!(login.response, if begun { response.as_slice() } else { b"" });
        let mut said = self.client[1..].iter();
        for packet in &self.server[1..] {
            match client.exchange(AuthReply::decode(&packet.payload, self.agreed()).unwrap()).unwrap() {
                ClientStep::Send(payload) => assert_eq!(*payload, *said.next().unwrap().payload),
                ClientStep::Wait => {}
                end => {
                    assert!(said.next().is_none());
                    return end;
                }
            }
        }
        panic!("no end")
    }

    /// What our server makes of the client's answer to the greeting.
    fn start_server(&self, expected: Expected) -> ServerStep {
        Server::new(expected, self.greeting().nonce, Channel::Tls).unwrap().start(&self.login())
    }
}

macro_rules! log_in {
    ($name:literal) => {
        LogIn {
            server: packets(corpus!(concat!("mysql_server/", $name))),
            client: packets(corpus!(concat!("mysql_client/", $name))),
        }
    };
}

fn native() -> Expected {
    Expected::Native(vec![NativeVerifier::from_password(PASSWORD)])
}

fn sha2() -> Expected {
    Expected::CachingSha2(vec![CachingSha2Verifier::from_password(PASSWORD)])
}

#[test]
fn native_is_that_of_mariadb() {
    let log_in = log_in!("mariadb-10.11");
    let greeting = log_in.greeting();
    assert!(greeting.server_version.starts_with(b"5.5.5-10.11."));
    assert_eq!(greeting.plugin, b"mysql_native_password");
    assert!(!greeting.capabilities.contains(Capabilities::LONG_PASSWORD));
    // Everything else that is spoken is offered; TLS was not configured.
    assert!(
        greeting.capabilities.contains(Capabilities::SPOKEN.without(Capabilities::LONG_PASSWORD | Capabilities::SSL))
    );
    assert_eq!(log_in.login().database_str(), Some("app"));
    assert!(matches!(log_in.replay_client(AuthPlugin::NativePassword), ClientStep::Success));
    assert!(matches!(log_in.start_server(native()), ServerStep::Success { which: 0, data: None }));
    // The packet at the end tells the default database as a change of state.
    let AuthReply::Ok(ok) = AuthReply::decode(&log_in.server[1].payload, log_in.agreed()).unwrap() else { panic!() };
    assert_eq!((ok.info, ok.session_state), (&b""[..], &b"\x01\x04\x03app"[..]));
    let mut again = Vec::new();
    ok.encode(log_in.agreed(), &mut Sequence::at(2), &mut again).unwrap();
    assert_eq!(again[4..], **log_in.server[1].payload);
}

#[test]
fn a_wrong_password_is_told_so() {
    let log_in = log_in!("mariadb-10.11-wrong");
    assert!(matches!(log_in.start_server(native()), ServerStep::Failure));
    let error = ErrPacket::decode(&log_in.server[1].payload).unwrap();
    assert_eq!((error.number, error.state.unwrap().as_str()), (1045, "28000"));
    assert_eq!(error.message(), "Access denied for user 'cap'@'localhost' (using password: YES)");
    let mut again = Vec::new();
    error.encode(&mut Sequence::at(2), &mut again);
    assert_eq!(again[4..], **log_in.server[1].payload);
}

#[test]
fn mariadb_switches_to_native() {
    let log_in = log_in!("mariadb-10.11-switch");
    assert!(matches!(log_in.replay_client(AuthPlugin::CachingSha2Password), ClientStep::Success));
    let ServerStep::Switch { next, plugin } = log_in.start_server(native()) else { panic!() };
    let mut wire = Vec::new();
    AuthSwitchRequest::encode(plugin, next.nonce(), &mut Sequence::at(2), &mut wire);
    // Ours keeps the nonce of the greeting, MariaDB makes another.
    let theirs = &**log_in.server[1].payload;
    let end = theirs.len() - Nonce::LEN - 1;
    assert_eq!(wire[4..4 + end], theirs[..end]);
    assert_eq!((wire.len() - 4, wire.last()), (theirs.len(), theirs.last()));
}

#[test]
fn caching_sha2_is_that_of_mysql() {
    let fast = log_in!("mysql-9.7-fast");
    assert!(fast.greeting().capabilities.contains(Capabilities::SPOKEN));
    assert!(matches!(fast.replay_client(AuthPlugin::CachingSha2Password), ClientStep::Success));
    let ServerStep::Success { which: 0, data: Some(data) } = fast.start_server(sha2()) else { panic!() };
    assert_eq!([&[1], data].concat(), **fast.server[1].payload);

    let full = log_in!("mysql-9.7-full");
    assert!(matches!(full.replay_client(AuthPlugin::CachingSha2Password), ClientStep::Success));
    let ServerStep::More { next, data } = full.start_server(Expected::Password) else { panic!() };
    assert_eq!([&[1], data].concat(), **full.server[1].payload);
    let ServerStep::Password(password) = next.exchange(&full.client[1].payload).unwrap() else { panic!() };
    assert_eq!(*password, PASSWORD);
    // What MySQL had of the user: made by another program, given in `CREATE USER`.
    let salt = Salt::from_random(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let text = authentication_string(PASSWORD, &salt).unwrap();
    assert_eq!(*text, "$A$005$./0123456789ABCDEFGHj8PUA5Iud4uejQVD.LIkMIZjQIE8tvGPkZcXOajsdp5");
}

#[test]
fn the_relay_follows_real_sessions() {
    for (log_in, client, server) in [
        (
            log_in!("mariadb-10.11"),
            &corpus!("mysql_commands/mariadb-10.11")[..],
            &corpus!("mysql_framer/mariadb-10.11")[..],
        ),
        (log_in!("mysql-9.7-fast"), corpus!("mysql_commands/mysql-9.7-fast"), corpus!("mysql_framer/mysql-9.7-fast")),
    ] {
        let mut exchange = Exchange::new(log_in.agreed(), Terms::default());
        assert_eq!(exchange.from_client(client), Scan { pass: client.len(), found: Found::More });
        assert!(exchange.has_quit());
        assert_eq!(exchange.from_server(&mut server.to_vec()), Followed { kept: server.len(), breach: None });
        assert_eq!(exchange.next_sequence(), 1, "every command has its whole response");
        assert_eq!(packets(client).last().map(|packet| packet.payload.to_vec()), Some(vec![Command::Quit as u8]));
        assert_eq!(Framer::new().follow(server), Some(server.len()));
    }
}
