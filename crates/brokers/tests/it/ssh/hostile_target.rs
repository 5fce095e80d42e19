//! Targets that are none, or break the protocol: the person reads that in our words, and nothing hangs or falls
//! (SECURITY-CASES 82 and 84).

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::ssh::{Outcome, Settings, Stage};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::programs::{output, texts};

use super::gateway::{Account, Gateway};

/// A broker in front of something that says this and no more, and then closes or stays silent.
async fn in_front_of(said: Vec<u8>, closes: bool) -> (Account, Gateway) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (account, mut door) = Account::made();
    door.destination.endpoint.host = "127.0.0.1".to_owned();
    door.destination.endpoint.port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&said).await;
            if closes {
                let _ = stream.read(&mut [0; 64]).await;
            } else {
                kept.push(stream);
            }
        }
    });
    let settings = Settings { target_time: Duration::from_secs(2), ..Settings::default() };
    (account, Gateway::with(door, settings).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_speak_ssh_is_told_in_our_words() {
    let long = b"SSH-2.0-x\r\n\xff\xff\xff\xff\x00\x00\x00\x00".to_vec();
    let kexinit = [&b"SSH-2.0-x\r\n\x00\x00\x00\x1c\x0a\x14"[..], &[0xff; 40]].concat();
    let endless = b"spam\r\n".repeat(200_000);
    let cases: [(&str, Vec<u8>, bool, Outcome); 7] = [
        ("nothing", Vec::new(), true, Outcome::Unreachable),
        ("another protocol", b"HTTP/1.0 200 OK\r\n\r\nadmin:hunter2".to_vec(), true, Outcome::Unreachable),
        ("an old version", b"SSH-1.5-hunter2\r\n".to_vec(), true, Outcome::Unreachable),
        ("a length", long, true, Outcome::Unreachable),
        ("a broken offer", kexinit, true, Outcome::Unreachable),
        ("endless lines", endless, true, Outcome::Unreachable),
        ("silence", b"SSH-2.0-x\r\n".to_vec(), false, Outcome::TimedOut(Stage::Target)),
    ];
    for (what, said, closes, outcome) in cases {
        let (_account, gateway) = in_front_of(said, closes).await;
        let done = output(gateway.ssh(&[], &["true"])).await;
        let (stdout, stderr) = texts(&done);
        assert!(stdout.is_empty() && stderr.starts_with("mayfly: ") && !stderr.contains("hunter2"), "{what}: {stderr}");
        assert_eq!(done.status.code(), Some(255), "{what}");
        assert_eq!(gateway.outcome().await, outcome, "{what}");
        let seen = &gateway.door.seen;
        assert_eq!((seen.started.load(SeqCst), seen.closed.load(SeqCst)), (0, 1), "{what}");
    }
}
