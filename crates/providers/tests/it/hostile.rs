//! Servers that answer what no PostgreSQL does (SECURITY-CASES 82): the step fails, and nothing else happens.

use crate::rig::{As, Rig, subject, survey_with};
use mayfly_domain::{CredentialRef, Destination, Endpoint, FailureClass, Place, RecordName, Trust};
use mayfly_engine::ports::provider::{AccountWish, SurveyRequest, Wish};
use mayfly_testbed::postgres::{Flavour, Login};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
const READY: &[u8] = b"Z\0\0\0\x05I";

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// What a made-up server does once the startup packet is read.
#[derive(Debug, Clone, Copy)]
enum Evil {
    /// Asks for SCRAM with four thousand million iterations.
    Iterations,
    /// Sends a row shorter than its columns.
    ShortRow,
    /// Claims a field longer than its message.
    LongField,
    /// Never stops sending rows.
    Endless,
    /// Sends a message of a length below zero.
    Negative,
    /// Answers with an error whose SQLSTATE is a statement.
    Sqlstate,
    /// Says nothing more.
    Closes,
}

async fn serve(mut stream: TcpStream, evil: Evil) -> std::io::Result<()> {
    let mut startup = vec![0; 4096];
    let _ = stream.read(&mut startup).await?;
    match evil {
        Evil::Iterations => {
            stream.write_all(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0")).await?;
            let read = stream.read(&mut startup).await?;
            let text = String::from_utf8_lossy(&startup[..read]).into_owned();
            let nonce = text.rsplit_once("r=").map_or("x", |(_, nonce)| nonce);
            let mut body = b"\0\0\0\x0b".to_vec();
            body.extend_from_slice(format!("r={nonce}evil,s=AAAA,i=4000000000").as_bytes());
            stream.write_all(&message(b'R', &body)).await?;
        }
        Evil::Sqlstate => {
            let body = b"SERROR\0VFATAL\0C'; DROP ROLE x; --\0Mgive me your password\0\0";
            stream.write_all(&message(b'E', body)).await?;
        }
        _ => {
            stream.write_all(OK).await?;
            stream.write_all(READY).await?;
            let _ = stream.read(&mut startup).await?;
            let columns = message(b'T', b"\0\x02a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0b\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
            stream.write_all(&columns).await?;
            match evil {
                Evil::ShortRow => stream.write_all(&message(b'D', b"\0\x05\0\0\0\x01x")).await?,
                Evil::LongField => stream.write_all(&message(b'D', b"\0\x01\x7f\xff\xff\xffx")).await?,
                Evil::Negative => stream.write_all(b"D\xff\xff\xff\xff").await?,
                Evil::Endless => {
                    let row =
                        message(b'D', &[b"\0\x02\0\0\x40\0".as_slice(), &[b'x'; 0x4000], b"\0\0\0\x01y"].concat());
                    loop {
                        stream.write_all(&row).await?;
                    }
                }
                _ => return Ok(()),
            }
            stream.write_all(&message(b'C', b"SELECT 1\0")).await?;
            stream.write_all(READY).await?;
        }
    }
    let _ = stream.read(&mut startup).await?;
    Ok(())
}

#[tokio::test]
async fn a_hostile_server_costs_one_step() {
    let evils = [
        Evil::Iterations,
        Evil::ShortRow,
        Evil::LongField,
        Evil::Endless,
        Evil::Negative,
        Evil::Sqlstate,
        Evil::Closes,
    ];
    for evil in evils {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = serve(stream, evil).await;
            }
        });
        let login = Login { user: "admin".to_owned(), password: "very-secret".to_owned() };
        let request = SurveyRequest { wish: wish(port), lifetime: Duration::from_secs(60) };
        let survey = subject(&login);
        let surveying = survey_with(&survey, request);
        let failure = tokio::time::timeout(Duration::from_secs(30), surveying).await.unwrap().map(|_| ()).unwrap_err();
        assert!(!failure.text.contains("password") || matches!(evil, Evil::Iterations), "{evil:?}: {failure}");
        assert!(!failure.text.contains("DROP") && !failure.text.contains("very-secret"), "{evil:?}: {failure}");
        server.abort();
    }
}

fn wish(port: u16) -> Wish {
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
    Wish {
        provider: "postgresql".to_owned(),
        place: Place {
            destination: Destination { endpoint, trust: Trust::Plaintext },
            credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
        },
        account: AccountWish::Existing { name: mayfly_domain::AccountName::existing("alice") },
        elevate: Some("readonly".to_owned()),
        exclusive: true,
        end_other_sessions: true,
        settings: serde_json::Value::Null,
    }
}

/// SECURITY-CASES 62: a server that has no TLS gets nothing.
#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let rig = Rig::start(Flavour::Debian15, As::Superuser).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    });
    let mut wish = wish(port);
    wish.place = crate::rig::place(&rig, port);
    let request = SurveyRequest { wish, lifetime: Duration::from_secs(60) };
    let failure = survey_with(&rig.subject, request).await.map(|_| ()).unwrap_err();
    assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
    assert_eq!(heard.await.unwrap(), b"", "something was sent in the clear");
}
