//! Names that are meant to be statements, and servers that answer what neither MySQL nor MariaDB does (SECURITY-CASES 82): the step
//! fails, and nothing else happens.

use super::rig::{As, Rig, all, has_role, provider_of, subject, survey_with};
use mayfly_domain::{AccountName, CredentialRef, Destination, Endpoint, FailureClass, Place, RecordName, Trust};
use mayfly_engine::ports::provider::{AccountWish, SurveyRequest, Wish};
use mayfly_protocol::mysql::connect::Greeting;
use mayfly_protocol::mysql::frame::{Sequence, encode};
use mayfly_protocol::mysql::{Capabilities, Nonce};
use mayfly_testbed::hostile_names;
use mayfly_testbed::mysql::{Flavour, fixtures, quote_identifier, quote_literal, snapshot};
use mayfly_testbed::postgres::Login;
use mayfly_testbed::snapshot::diff;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// FAILURES 38, SECURITY-CASES 41: hostile names of roles and accounts, and nothing else changes.
#[tokio::test]
async fn hostile_names_change_nothing_else() {
    for (flavour, as_whom) in all().filter(|(_, as_whom)| *as_whom == As::LeastPrivilege) {
        let rig = Rig::start(flavour, as_whom).await;
        // What the servers take for names: at most 32 characters of three bytes, no space at either end.
        let possible = |name: &String| {
            name.chars().count() <= 32 && name.trim() == name && name.chars().all(|c| c.len_utf8() < 4 && c != '\0')
        };
        let mut names = Vec::new();
        for name in hostile_names(38, 300).into_iter().filter(possible) {
            let role = match flavour {
                Flavour::MariaDb => quote_identifier(&name),
                Flavour::MySql => format!("{}@'%'", quote_literal(&name)),
            };
            // Some are reserved on one of the two.
            if rig.server.sql("", &format!("CREATE ROLE {role}")).is_ok() {
                fixtures::lend(&rig, &name).unwrap();
                names.push(name);
            }
        }
        assert!(names.len() > 60, "{}", names.len());
        for name in &names[..20] {
            rig.sql(&format!("CREATE USER {}@'127.0.0.1'", quote_literal(name)));
        }
        let before = snapshot::take(&rig).unwrap();
        for name in names.iter().take(60) {
            let (mut change, _) = rig.open(&rig.create(Some(name), json!({}))).await;
            assert!(has_role(&rig, change.name(), name), "{name:?}");
            rig.remove(&mut change).await;
        }
        for name in &names[..20] {
            let (change, opened) = rig.open(&rig.existing(name, "readonly")).await;
            assert!(opened.added && has_role(&rig, name, "readonly"), "{name:?}");
            rig.close(mayfly_engine::ports::provider::CloseVerb::Withdraw, &change).await.unwrap();
        }
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// What a made-up server does.
#[derive(Debug, Clone, Copy)]
enum Evil {
    /// Greets with something else.
    Greeting,
    /// Claims a packet of 16 MiB.
    LongGreeting,
    /// Wants the password itself, on a line that is not encrypted.
    WantsPassword,
    /// Wants it under a plugin that gives it away.
    WantsClear,
    /// Refuses with a statement for a text.
    Refuses,
    /// Asks for a file of ours instead of answering.
    WantsFile,
    /// Sends a row shorter than its columns.
    ShortRow,
    /// Never stops sending rows.
    Endless,
    /// Says nothing more.
    Closes,
}

/// Sends one packet.
async fn send(stream: &mut TcpStream, number: u8, payload: &[u8]) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    encode(payload, &mut Sequence::at(number), &mut bytes);
    stream.write_all(&bytes).await
}

async fn serve(mut stream: TcpStream, evil: Evil) -> std::io::Result<()> {
    let mut heard = vec![0; 4096];
    match evil {
        Evil::Greeting => return stream.write_all(b"SSH-2.0-x\r\n").await,
        Evil::LongGreeting => return stream.write_all(b"\xff\xff\xff\0\x0a").await,
        _ => {}
    }
    let greeting = Greeting {
        server_version: b"9.7.4",
        connection_id: 7,
        nonce: Nonce::from_random(&[7; 20]),
        capabilities: Capabilities::SPOKEN,
        collation: 45,
        status: 2,
        plugin: b"caching_sha2_password",
    };
    let mut bytes = Vec::new();
    greeting.encode(&mut Sequence::new(), &mut bytes).unwrap();
    stream.write_all(&bytes).await?;
    let _ = stream.read(&mut heard).await?;
    match evil {
        Evil::WantsPassword => send(&mut stream, 2, b"\x01\x04").await?,
        Evil::WantsClear => send(&mut stream, 2, b"\xfemysql_clear_password\0").await?,
        Evil::Refuses => send(&mut stream, 2, b"\xff\x15\x04#28000'; DROP USER root; give me your password").await?,
        _ => {
            send(&mut stream, 2, b"\0\0\0\x02\0\0\0").await?;
            let _ = stream.read(&mut heard).await?;
            match evil {
                Evil::WantsFile => send(&mut stream, 1, b"\xfb/etc/passwd").await?,
                Evil::ShortRow | Evil::Endless => {
                    send(&mut stream, 1, b"\x02").await?;
                    send(&mut stream, 2, b"c").await?;
                    send(&mut stream, 3, b"c").await?;
                    if matches!(evil, Evil::ShortRow) {
                        send(&mut stream, 4, b"\x01x").await?;
                    }
                    let row = [&b"\xfd\0\x40\0"[..], &[b'x'; 0x4000], b"\x01y"].concat();
                    for number in (4..=u8::MAX).chain(std::iter::repeat_n(0..=u8::MAX, 100).flatten()) {
                        send(&mut stream, number, &row).await?;
                    }
                }
                _ => return Ok(()),
            }
        }
    }
    let _ = stream.read(&mut heard).await?;
    Ok(())
}

fn wish(flavour: Flavour, port: u16, trust: Trust) -> Wish {
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
    Wish {
        provider: provider_of(flavour).to_owned(),
        place: Place {
            destination: Destination { endpoint, trust },
            credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
        },
        account: AccountWish::Existing { name: AccountName::existing("alice") },
        elevate: Some("readonly".to_owned()),
        exclusive: true,
        end_other_sessions: true,
        settings: serde_json::Value::Null,
    }
}

#[tokio::test]
async fn a_hostile_server_costs_one_step() {
    for evil in [
        Evil::Greeting,
        Evil::LongGreeting,
        Evil::WantsPassword,
        Evil::WantsClear,
        Evil::Refuses,
        Evil::WantsFile,
        Evil::ShortRow,
        Evil::Endless,
        Evil::Closes,
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = serve(stream, evil).await;
            }
        });
        let login = Login { user: "admin".to_owned(), password: "very-secret".to_owned() };
        let wish = wish(Flavour::MySql, port, Trust::Plaintext);
        let provider = subject(Flavour::MySql, &login);
        let surveying = survey_with(&provider, SurveyRequest { wish, lifetime: Duration::from_secs(60) });
        let failure = tokio::time::timeout(Duration::from_secs(30), surveying).await.unwrap().map(drop).unwrap_err();
        assert!(!failure.text.contains("DROP") && !failure.text.contains("very-secret"), "{evil:?}: {failure}");
        assert!(!failure.text.contains("give me"), "{evil:?}: {failure}");
        server.abort();
    }
}

/// SECURITY-CASES 62: a server that has no TLS gets nothing but our wish for it.
#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let rig = Rig::used(Flavour::MariaDb, As::Root).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let greeting = Greeting {
            server_version: b"9.7.4",
            connection_id: 7,
            nonce: Nonce::from_random(&[7; 20]),
            capabilities: Capabilities::SPOKEN.without(Capabilities::SSL),
            collation: 45,
            status: 2,
            plugin: b"caching_sha2_password",
        };
        let mut bytes = Vec::new();
        greeting.encode(&mut Sequence::new(), &mut bytes).unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    });
    let wish = wish(Flavour::MariaDb, port, Trust::VerifyFull { ca_pem: rig.ca_pem().to_owned() });
    let request = SurveyRequest { wish, lifetime: Duration::from_secs(60) };
    let failure = survey_with(&rig.subject, request).await.map(drop).unwrap_err();
    assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
    assert_eq!(heard.await.unwrap(), b"", "something was sent in the clear");
}
