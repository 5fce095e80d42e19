//! Clients that break the protocol: each loses its own connection and nothing else.

use mayfly_brokers::mysql::{Outcome, Side};
use mayfly_protocol::mysql::Command;
use tokio::io::AsyncWriteExt;

use super::{
    gateway::{Gateway, Target, mariadb},
    programs::{client, families, output},
    raw::{Raw, packet, rest, tcp},
};

async fn gateway() -> (Target, Gateway) {
    let (target, door) = mariadb();
    (target, Gateway::start(door).await)
}

/// SECURITY-CASES 76: a claimed length is not believed, and costs nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_and_malformed_first_packets_are_closed() {
    let (_target, gateway) = gateway().await;
    let packets: [&[u8]; 8] = [
        b"\xff\xff\xff\x01\x0f",
        b"\x00\x50\0\x01\x0f",
        b"\x04\0\0\x05\x0f\xaa\0\0",
        b"\0\0\0\x01",
        b"\x04\0\0\x01\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\0\0\x09\0\x03\0\0\0",
    ];
    for bytes in packets {
        let mut stream = tcp(&gateway).await;
        packet(&mut stream).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer[4] == 0xff, "{bytes:?}: {answer:?}");
    }
    for outcome in gateway.outcomes(packets.len()).await {
        assert!(matches!(outcome, Outcome::Violation(Side::Client, _) | Outcome::Unsupported(_)), "{outcome:?}");
    }
    assert!(output(client(&gateway, families()[0], &["-e", "SELECT 1"])).await.status.success());
}

/// What may not be passed on is not, and the client reads why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_take_the_connection_away_end_it() {
    let (target, gateway) = gateway().await;
    let commands: [(&[u8], &str); 6] = [
        (b"\x06\0\0\0\x11root\0", "ChangeUser is not supported"),
        (b"\x0b\0\0\0\x12\x04\0\0\0\0\0\x01\0\0\0", "BinlogDump is not supported"),
        (b"\x02\0\0\0\x15x", "RegisterSlave is not supported"),
        (b"\x01\0\0\0\x42", "command 0x42 is unknown"),
        (b"\0\0\0\0", "message has no command"),
        (b"\x04\0\0\x02root", "data where a command belongs"),
    ];
    for (bytes, words) in commands {
        let mut client = Raw::ready(&gateway).await;
        client.command(Command::Ping, b"").await;
        assert_eq!(client.next_unchecked().await.unwrap().payload[0], 0);
        client.stream.write_all(bytes).await.unwrap();
        let answer = client.next_unchecked().await.unwrap();
        let error = mayfly_protocol::mysql::reply::ErrPacket::decode(&answer.payload).unwrap();
        assert!(error.number == 1047 && error.message().contains(words), "{bytes:?}: {error:?}");
        assert!(client.next_unchecked().await.is_none());
    }
    gateway.outcomes(commands.len()).await;
    let log = target.server.log().unwrap();
    assert!(!log.contains("Change user"), "the server saw one of them");
}

/// A client that sends and never reads holds up nobody but itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_sends_is_ended_in_time() {
    let (_target, gateway) = gateway().await;
    let mut client = Raw::ready(&gateway).await;
    // Pings without end, until one of the buffers between is full or there are too many ahead.
    let pings = b"\x01\0\0\0\x0e".repeat(4096);
    let sending = async { while client.stream.write_all(&pings).await.is_ok() {} };
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(5), sending).await;
    let other = super::programs::client(&gateway, families()[0], &["-e", "SELECT 1"]);
    assert!(output(other).await.status.success(), "{stopped:?}");
}
