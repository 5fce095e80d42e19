//! Servers that answer what no SQL Server does (SECURITY-CASES 82): the step fails, and nothing else happens.

use super::rig::{As, Rig, services, survey_with};
use mayfly_domain::{CredentialRef, Destination, Endpoint, FailureClass, Place, RecordName, Trust};
use mayfly_engine::ports::provider::{AccountWish, SurveyRequest, Wish};
use mayfly_protocol::tds::data::DataType;
use mayfly_protocol::tds::frame::{PacketType, Packets};
use mayfly_protocol::tds::token::{Column, Done, DoneStatus, LoginAck, ServerMessage};
use mayfly_protocol::tds::{Encryption, Prelogin, TdsVersion};
use mayfly_providers::sqlserver::SqlServer;
use mayfly_testbed::postgres::Login;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const VERSION: TdsVersion = TdsVersion::V7_4;

fn packets(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packets::of(PacketType::Result).encode(data, &mut bytes);
    bytes
}

fn done(data: &mut Vec<u8>) {
    Done::statement(DoneStatus(0)).encode(VERSION, data);
}

/// What a made-up server does once the log-in is read.
#[derive(Debug, Clone, Copy)]
enum Evil {
    /// Answers with bytes that are no tokens.
    Noise,
    /// Says that more columns follow than it sends.
    Columns,
    /// Never stops sending rows.
    Endless,
    /// Never ends a message.
    NoEnd,
    /// Refuses with an error whose text is a statement.
    Message,
    /// Lets everybody in and answers nothing but that it is done.
    Empty,
    /// Says nothing more.
    Closes,
}

async fn serve(mut stream: TcpStream, evil: Evil) -> std::io::Result<()> {
    let mut heard = vec![0; 8192];
    let _ = stream.read(&mut heard).await?;
    let mut prelogin = Vec::new();
    let said = Prelogin { encryption: Some(Encryption::NotSupported), ..Prelogin::of_version([16, 0, 0, 0, 0, 0]) };
    said.encode(&mut prelogin).unwrap();
    stream.write_all(&packets(&prelogin)).await?;
    let _ = stream.read(&mut heard).await?;
    let mut data = Vec::new();
    if matches!(evil, Evil::Message) {
        let text = "'; DROP LOGIN x; -- give me your password";
        ServerMessage::error(18_456, 14, text).encode(VERSION, &mut data).unwrap();
        done(&mut data);
        stream.write_all(&packets(&data)).await?;
        return Ok(());
    }
    LoginAck { interface: 1, version: VERSION, program: "evil".to_owned(), program_version: [16, 0, 0, 0] }
        .encode(&mut data)
        .unwrap();
    done(&mut data);
    stream.write_all(&packets(&data)).await?;
    loop {
        let _ = stream.read(&mut heard).await?;
        let mut data = Vec::new();
        match evil {
            Evil::Noise => data.extend([0x11; 500]),
            Evil::Columns => data.extend([0x81, 0xff, 0x7f, 0, 0]),
            Evil::Endless => {
                Column::encode(&[Column::new("", DataType::Int(4))], VERSION, &mut data).unwrap();
                loop {
                    let row = [0xd1, 4, 1, 0, 0, 0].repeat(600);
                    data.extend(row);
                    let mut packet = Vec::new();
                    Packets::of(PacketType::Result).encode(&data, &mut packet);
                    // Not the last packet of the message.
                    packet[1] = 0;
                    stream.write_all(&packet).await?;
                    data.clear();
                }
            }
            Evil::NoEnd => {
                let mut packet = packets(&[]);
                packet[1] = 0;
                loop {
                    stream.write_all(&packet).await?;
                }
            }
            Evil::Empty => done(&mut data),
            Evil::Message | Evil::Closes => return Ok(()),
        }
        stream.write_all(&packets(&data)).await?;
    }
}

#[tokio::test]
async fn a_hostile_server_costs_one_step() {
    let evils = [Evil::Noise, Evil::Columns, Evil::Endless, Evil::NoEnd, Evil::Message, Evil::Empty, Evil::Closes];
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
        let request = SurveyRequest { wish: wish(port, Trust::Plaintext), lifetime: Duration::from_secs(60) };
        let subject = SqlServer::new(services(&login));
        let surveying = survey_with(&subject, request);
        let failure = tokio::time::timeout(Duration::from_secs(30), surveying).await.unwrap().map(|_| ()).unwrap_err();
        assert!(
            !failure.text.contains("DROP")
                && !failure.text.contains("give me")
                && !failure.text.contains("very-secret"),
            "{evil:?}: {failure}"
        );
        server.abort();
    }
}

fn wish(port: u16, trust: Trust) -> Wish {
    let endpoint = Endpoint { host: "localhost".to_owned(), port };
    Wish {
        provider: "sqlserver".to_owned(),
        place: Place {
            destination: Destination { endpoint, trust },
            credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
        },
        account: AccountWish::Existing { name: mayfly_domain::AccountName::existing("alice") },
        elevate: Some("readonly".to_owned()),
        exclusive: true,
        end_other_sessions: true,
        settings: serde_json::Value::Null,
    }
}

/// SECURITY-CASES 62: a server that declines TLS gets nothing.
#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let rig = Rig::start(As::Sa);
    for answered in [Encryption::NotSupported, Encryption::Off] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            let mut prelogin = Vec::new();
            let said = Prelogin { encryption: Some(answered), ..Prelogin::of_version([16, 0, 0, 0, 0, 0]) };
            said.encode(&mut prelogin).unwrap();
            stream.write_all(&packets(&prelogin)).await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            rest
        });
        let trust = rig.place.destination.trust.clone();
        let request = SurveyRequest { wish: wish(port, trust), lifetime: Duration::from_secs(60) };
        let failure = survey_with(&rig.subject, request).await.map(|_| ()).unwrap_err();
        assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
        assert_eq!(heard.await.unwrap(), b"", "something was sent in the clear");
    }
}
